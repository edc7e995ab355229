"""`ETag` and `If-None-Match`: what has not changed is not sent again.

Belongs here: both headers. The tags are weak, for the same answer may be sent compressed or not.
"""

import hashlib

from fastapi import Request
from fastapi.responses import Response

# May be kept by whoever asked, and is asked about before it is used.
REVALIDATED = "private, no-cache"


def etag(body: bytes) -> str:
    """The tag of an answer's bytes."""
    return f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def answer(
    request: Request,
    body: bytes,
    cache_control: str = REVALIDATED,
    headers: dict[str, str] | None = None,
) -> Response:
    """200 with `body`, or 304 where the client has it. `headers` are those set so far."""
    tag = etag(body)
    found = {**(headers or {}), "ETag": tag, "Cache-Control": cache_control}
    if is_known(request, tag):
        return Response(None, 304, found)
    return Response(body, 200, found, "application/json")


def is_known(request: Request, tag: str) -> bool:
    """Whether the client says that it has what bears this tag."""
    given = request.headers.get("if-none-match")
    if given is None:
        return False
    mine = tag.removeprefix("W/")
    return any(each.strip().removeprefix("W/") in (mine, "*") for each in given.split(","))
