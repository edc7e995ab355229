"""Answers compressed as the client asks: zstd before gzip, and only where it is worth it.

Belongs here: the layer. It holds an answer back until it is whole; one that comes in parts is sent
as it comes, uncompressed. Receipts of events do not come by here: they are made thousands a second.
"""

import gzip

import zstandard
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Less than this fits one packet either way.
WORTH_BYTES = 1024
_ZSTD_LEVEL, _GZIP_LEVEL = 3, 5
_COMPRESSIBLE = ("application/json", "application/problem+json", "application/schema+json", "text/")


def chosen_encoding(accepted: str) -> str | None:
    """What is best for a client that sends this `Accept-Encoding`; None for as it is."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.strip().partition(";")
        weight = parameter.strip().removeprefix("q=")
        try:
            weights[name.strip()] = float(weight) if weight else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    others = weights.get("*", 0.0)
    best = max(("zstd", "gzip"), key=lambda name: weights.get(name, others))
    return best if weights.get(best, others) > 0 else None


class Compression:
    """Compresses whole answers of a kilobyte and more."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at what the client accepts."""
        accepted = b""
        if scope["type"] == "http":
            headers = scope["headers"]
            accepted = next((value for name, value in headers if name == b"accept-encoding"), b"")
        encoding = chosen_encoding(accepted.decode("latin-1")) if accepted else None
        answer = _Answer(send, encoding)
        await self._app(scope, receive, answer.send if scope["type"] == "http" else send)


class _Answer:
    def __init__(self, send: Send, encoding: str | None) -> None:
        self._send = send
        self._encoding = encoding
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """Hold the start back until it is known whether the body is whole."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if not message.get("more_body", False):
                message = self._compressed(start, message)
            await self._send(start)
        await self._send(message)

    def _compressed(self, start: Message, message: Message) -> Message:
        body = message.get("body", b"")
        headers = MutableHeaders(raw=list(start["headers"]))
        is_text = headers.get("content-type", "").startswith(_COMPRESSIBLE)
        if len(body) < WORTH_BYTES or not is_text or "content-encoding" in headers:
            return message
        headers.add_vary_header("Accept-Encoding")
        if self._encoding is not None:
            body = _COMPRESS[self._encoding](body)
            headers["Content-Encoding"] = self._encoding
            headers["Content-Length"] = str(len(body))
        start["headers"] = headers.raw
        return {**message, "body": body}


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)


_COMPRESS = {"zstd": _zstd, "gzip": _gzip}
