"""Lets the official client speak to a server that is like OpenSearch.

Such a server refuses the vendor's media type and does not send the vendor's header. Used
only where ELASTICSEARCH_COMPATIBILITY=opensearch says so.
"""

import dataclasses
from typing import Any

from elastic_transport import HttpHeaders, Urllib3HttpNode
from elastic_transport.client_utils import DEFAULT

from stores.search.media_types import PRODUCT, PRODUCT_HEADER, plain


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
        received = {PRODUCT_HEADER: PRODUCT, **response.meta.headers}
        meta = dataclasses.replace(response.meta, headers=HttpHeaders(received))
        return response._replace(meta=meta)
