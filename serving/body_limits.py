"""A request's body within a size and a time, for every endpoint that does not see to it itself.

Belongs here: the layer that counts while the body is read. What `serving.direct` serves sees to its
own limits, and is led past this one.
"""

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.ingest.bodies import BODY_LIMIT_BYTES
from stores.settings import Settings

_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class BodyLimits:
    """Raises HTTPException 413 or 408 to whoever reads the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the endpoint read through a `_Counted`."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        settings: Settings | None = getattr(scope["app"].state, "settings", None)
        seconds = settings.api_body_seconds if settings else 30.0
        await self._app(scope, _Counted(scope, receive, seconds), send)


class _Counted:
    def __init__(self, scope: Scope, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds
        self._size = 0
        self._is_whole = False
        self._announced = next(
            (value for name, value in scope["headers"] if name == b"content-length"), b"0"
        )

    async def __call__(self) -> Message:
        """One message, as the server has it."""
        if self._is_whole:
            # What comes now is that the client has gone, which may take as long as it likes.
            return await self._receive()
        if self._announced.isdigit() and int(self._announced) > BODY_LIMIT_BYTES:
            raise _too_large()
        try:
            async with asyncio.timeout(self._ends_at - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(
                408, f"The body did not arrive within {self._seconds:g} s.", {"Connection": "close"}
            ) from None
        self._size += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._size > BODY_LIMIT_BYTES:
            raise _too_large()
        return message


def _too_large() -> HTTPException:
    return HTTPException(
        413, f"The body is larger than {BODY_LIMIT_BYTES} bytes; send it in parts."
    )
