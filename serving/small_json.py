"""A route that takes a small JSON object and nothing else.

Belongs here: refusing other content types and large bodies before anything is parsed, which the
framework would answer as a rule that a field breaks, or read whole. A router takes it as
`APIRouter(route_class=SmallJson)`.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from serving.problems import Problem

LIMIT_BYTES = 16 * 1024
MEDIA_TYPE = "application/json"


class SmallJson(APIRoute):
    """Of a request with a body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, behind the check."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if self.body_field is not None and _has_body(request):
                await _check(request)
            return await handle(request)

        return checked


def _has_body(request: Request) -> bool:
    """A body may be left out where the endpoint says so."""
    headers = request.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def _check(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != MEDIA_TYPE:
        raise Problem(415, f"Send Content-Type {MEDIA_TYPE}.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "Send the body as it is, without Content-Encoding.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LIMIT_BYTES:
            raise Problem(
                413, f"A body here has at most {LIMIT_BYTES} bytes.", limit_bytes=LIMIT_BYTES
            )
    # Where Starlette keeps a body that was read, so that the endpoint reads it again.
    request._body = bytes(body)
