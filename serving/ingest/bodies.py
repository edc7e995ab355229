"""A request's body within its limits: its size as sent and unpacked, and the time it takes.

Belongs here: reading and unpacking. A compressed body is unpacked as it comes and cut off at the
limit, so a small body that unpacks to gigabytes costs no more than a plain one of the limit.
"""

import asyncio
import zlib
from collections.abc import Mapping
from typing import Protocol

import zstandard
from fastapi import Request
from starlette.requests import ClientDisconnect

from serving.problems import Problem

BODY_LIMIT_BYTES = 10 * 1024 * 1024
ENCODINGS = ("identity", "gzip", "zstd")
# Larger windows would let a body ask for more memory than it may unpack to.
_ZSTD_WINDOW_LIMIT_BYTES = 8 * 1024 * 1024
_PART_BYTES = 64 * 1024


class _Unpack(Protocol):
    """Turns parts of a body into plain bytes, never more than `BODY_LIMIT_BYTES` in all."""

    def feed(self, part: bytes) -> bytes:
        """What `part` unpacks to. Raises Problem."""

    def finish(self) -> None:
        """Raises Problem where the body was cut short."""


class _Plain:
    def feed(self, part: bytes) -> bytes:
        return part

    def finish(self) -> None:
        return


class _Gzip:
    def __init__(self) -> None:
        self._gunzip = zlib.decompressobj(wbits=31)
        self._size = 0

    def feed(self, part: bytes) -> bytes:
        try:
            found = self._gunzip.decompress(part, BODY_LIMIT_BYTES + 1 - self._size)
        except zlib.error as error:
            raise Problem(400, f"The body is no gzip: {error}.") from None
        self._size += len(found)
        if self._gunzip.unused_data:
            raise Problem(400, "The body is more than one gzip member; send one.")
        return found

    def finish(self) -> None:
        if not self._gunzip.eof:
            raise Problem(400, "The gzip body ends too early.")


class _Zstd:
    def __init__(self) -> None:
        self._unzstd = zstandard.ZstdDecompressor(
            max_window_size=_ZSTD_WINDOW_LIMIT_BYTES
        ).decompressobj()
        self._size = 0

    def feed(self, part: bytes) -> bytes:
        found: list[bytes] = []
        # A block of 128 KiB may come from a few bytes: small parts keep what one call makes small.
        for at in range(0, len(part), 512):
            try:
                unpacked = self._unzstd.decompress(part[at : at + 512])
            except zstandard.ZstdError as error:
                raise Problem(400, f"The body is no single zstd frame: {error}.") from None
            found.append(unpacked)
            self._size += len(unpacked)
            if self._size > BODY_LIMIT_BYTES:
                raise too_large()
        return b"".join(found)

    def finish(self) -> None:
        if not self._unzstd.eof:
            raise Problem(400, "The zstd body ends too early.")


_UNPACK: dict[str, type[_Plain] | type[_Gzip] | type[_Zstd]] = {
    "identity": _Plain,
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "zstd": _Zstd,
}


def too_large() -> Problem:
    """The refusal of a body over the limit."""
    return Problem(
        413,
        f"The body is larger than {BODY_LIMIT_BYTES} bytes (10 MiB), as sent or unpacked;"
        " send it in parts.",
        limit_bytes=BODY_LIMIT_BYTES,
    )


def too_slow(seconds: float) -> Problem:
    """The refusal of a body that is not whole in time."""
    return Problem(408, f"The body did not arrive within {seconds:g} s.", {"Connection": "close"})


async def read_body(request: Request, headers: Mapping[str, str], seconds: float) -> bytes:
    """The body, unpacked. `headers` are the request's. Raises Problem 400, 408, 413 or 415."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in _UNPACK:
        raise Problem(
            415,
            f"Content-Encoding {encoding[:40]!r} is not supported; send {', '.join(ENCODINGS)}.",
        )
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > BODY_LIMIT_BYTES:
        raise too_large()
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, _UNPACK[encoding]())
    except TimeoutError:
        raise too_slow(seconds) from None
    except ClientDisconnect:
        raise Problem(400, "The client went away before the body was complete.") from None


async def _read(request: Request, unpack: _Unpack) -> bytes:
    parts: list[bytes] = []
    sent = size = 0
    async for part in request.stream():
        sent += len(part)
        found = unpack.feed(part)
        size += len(found)
        if sent > BODY_LIMIT_BYTES or size > BODY_LIMIT_BYTES:
            raise too_large()
        parts.append(found)
    unpack.finish()
    return parts[0] if len(parts) == 1 else b"".join(parts)
