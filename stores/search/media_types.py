"""The vendor's names in HTTP headers, which servers that are only like Elasticsearch lack.

Belongs here: the translation. Who applies it is the client's node or the local gate.
"""

import re
from collections.abc import Mapping

PRODUCT_HEADER = "x-elastic-product"
PRODUCT = "Elasticsearch"
_VENDOR_MEDIA_TYPE = re.compile(
    r"application/vnd\.elasticsearch\+([a-z-]+)\s*;\s*compatible-with=\d+"
)


def plain(headers: Mapping[str, str]) -> dict[str, str]:
    """`headers` with the vendor's media types replaced by the plain ones."""
    return {
        name: _VENDOR_MEDIA_TYPE.sub(r"application/\1", value) for name, value in headers.items()
    }
