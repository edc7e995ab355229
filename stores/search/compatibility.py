"""Lets the official client speak to a server that is like OpenSearch.

Such a server refuses the vendor's media type and does not send the vendor's header. Used
only where ELASTICSEARCH_COMPATIBILITY=opensearch says so.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from elastic_transport import HttpHeaders, Urllib3HttpNode
from elastic_transport.client_utils import DEFAULT

_VENDOR_MEDIA_TYPE = re.compile(
    r"application/vnd\.elasticsearch\+([a-z-]+)\s*;\s*compatible-with=\d+"
)
_PRODUCT_HEADER = "x-elastic-product"


class PlainMediaTypeNode(Urllib3HttpNode):
    """A connection that names plain media types and vouches for the product."""

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: Any = DEFAULT,
    ) -> Any:
        """As the base class does, with the headers rewritten on both ways."""
        response = super().perform_request(
            method, target, body, HttpHeaders(plain(headers or {})), request_timeout
        )
        received = {_PRODUCT_HEADER: "Elasticsearch", **response.meta.headers}
        meta = dataclasses.replace(response.meta, headers=HttpHeaders(received))
        return response._replace(meta=meta)


def plain(headers: Mapping[str, str]) -> dict[str, str]:
    """`headers` with the vendor's media types replaced by the plain ones."""
    return {
        name: _VENDOR_MEDIA_TYPE.sub(r"application/\1", value) for name, value in headers.items()
    }
