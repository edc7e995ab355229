"""ClickHouse's own compressed blocks, as `decompress=1` sends them and `compress=1` asks for.

Belongs here: the block format only: a checksum of 16 bytes, a method, two sizes, the data.
"""

import struct

import lz4.block
import zstandard

from stores.local.clickhouse_http.exceptions import ClickHouseException, Code

CHECKSUM_BYTES = 16
HEAD = struct.Struct("<BII")
NONE, LZ4, ZSTD = 0x02, 0x82, 0x90
MAX_BLOCK_BYTES = 1 << 30


class NativeDecompressor:
    """Blocks in, plain bytes out."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> bytes:
        """The plain bytes of every block that is whole by now."""
        self._waiting += data
        plain: list[bytes] = []
        while (block := self._next_block()) is not None:
            plain.append(block)
        return b"".join(plain)

    def _next_block(self) -> bytes | None:
        if len(self._waiting) < CHECKSUM_BYTES + HEAD.size:
            return None
        method, packed, size = HEAD.unpack_from(self._waiting, CHECKSUM_BYTES)
        if packed < HEAD.size or packed > MAX_BLOCK_BYTES or size > MAX_BLOCK_BYTES:
            raise ClickHouseException(Code.CANNOT_DECOMPRESS, "A compressed block has a wrong size")
        end = CHECKSUM_BYTES + packed
        if len(self._waiting) < end:
            return None
        data = bytes(self._waiting[CHECKSUM_BYTES + HEAD.size : end])
        del self._waiting[:end]
        return _unpack(method, data, size)

    def finish(self) -> None:
        """Raise where the body ended inside a block."""
        if self._waiting:
            raise ClickHouseException(
                Code.CANNOT_DECOMPRESS, "The body ends inside a compressed block"
            )


def _unpack(method: int, data: bytes, size: int) -> bytes:
    try:
        if method == NONE:
            plain = data
        elif method == LZ4:
            plain = lz4.block.decompress(data, uncompressed_size=size)
        elif method == ZSTD:
            plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
        else:
            raise ClickHouseException(
                Code.UNKNOWN_COMPRESSION_METHOD, f"Unknown codec of a compressed block: {method}"
            )
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise ClickHouseException(Code.CANNOT_DECOMPRESS, str(error)) from None
    if len(plain) != size:
        raise ClickHouseException(Code.CANNOT_DECOMPRESS, "A compressed block has a wrong size")
    return plain
