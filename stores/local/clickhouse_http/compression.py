"""HTTP content encodings, streaming, in both directions.

Belongs here: lz4, zstd, gzip, deflate, bz2 and xz as frames after frames. A body may be many
frames (clickhouse-connect sends one per block of rows): each is read, none is left out, and a
body that ends inside a frame is an error.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import lz4.frame
import zstandard

from stores.local.clickhouse_http.exceptions import ClickHouseException, Code


class Compressor(Protocol):
    """Bytes in, compressed bytes out."""

    def compress(self, data: bytes | memoryview, /) -> bytes:
        """What can be written so far."""

    def flush(self) -> bytes:
        """The rest, ending the frame."""


class Lz4Compressor:
    """An lz4 frame with its header in front."""

    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor(block_size=lz4.frame.BLOCKSIZE_MAX4MB)
        self._header: bytes = self._frame.begin()

    def compress(self, data: bytes | memoryview, /) -> bytes:
        """What can be written so far."""
        header, self._header = self._header, b""
        return header + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        """The rest, ending the frame."""
        header, self._header = self._header, b""
        return header + bytes(self._frame.flush())


# In the order in which they are chosen from an Accept-Encoding: cheapest on a fast wire first.
COMPRESSORS: dict[str, Callable[[int], Compressor]] = {
    "lz4": lambda _level: Lz4Compressor(),
    "zstd": lambda level: zstandard.ZstdCompressor(level=level).compressobj(),
    "gzip": lambda level: zlib.compressobj(level, zlib.DEFLATED, 31),
    "deflate": zlib.compressobj,
    "xz": lambda level: lzma.LZMACompressor(preset=level),
    "bz2": lambda level: bz2.BZ2Compressor(max(level, 1)),
}
DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "gzip": lambda: zlib.decompressobj(31),
    "x-gzip": lambda: zlib.decompressobj(31),
    "deflate": zlib.decompressobj,
    "xz": lzma.LZMADecompressor,
    "bz2": bz2.BZ2Decompressor,
}


def choose(accept_encoding: str) -> str | None:
    """The encoding to answer with, of those that the client accepts."""
    accepted = {part.split(";")[0].strip().lower() for part in accept_encoding.split(",")}
    return next((name for name in COMPRESSORS if name in accepted), None)


class Decompressor:
    """Bytes of a compressed body in, plain bytes out."""

    def __init__(self, encoding: str) -> None:
        make = DECOMPRESSORS.get(encoding.strip().lower())
        if make is None:
            raise ClickHouseException(
                Code.UNKNOWN_COMPRESSION_METHOD,
                f"Unknown compression method {encoding!r}; known are {', '.join(DECOMPRESSORS)}",
            )
        self._make = make
        self._encoding = encoding
        self._frame: Any = None

    def feed(self, data: bytes) -> bytes:
        """Plain bytes of `data`, over as many frames as it touches."""
        plain: list[bytes] = []
        try:
            while data:
                if self._frame is None:
                    self._frame = self._make()
                plain.append(self._frame.decompress(data))
                data = b""
                if self._frame.eof:
                    data = self._frame.unused_data
                    self._frame = None
        except Exception as error:
            raise self._broken(str(error)) from None
        return b"".join(plain)

    def finish(self) -> None:
        """Raise where the body ended inside a frame."""
        if self._frame is not None:
            raise self._broken("the body ends inside a frame")

    def _broken(self, reason: str) -> ClickHouseException:
        return ClickHouseException(
            Code.CANNOT_DECOMPRESS, f"Cannot decompress the {self._encoding} body: {reason}"
        )
