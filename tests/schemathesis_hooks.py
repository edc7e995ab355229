"""What schemathesis must be told: how lines of JSON are written."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """The document calls them a text."""
    return value if isinstance(value, bytes) else str(value).encode()
