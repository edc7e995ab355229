"""ClickHouse's own compressed blocks, as `decompress=1` sends them and `compress=1` asks for.

Belongs here: the block format only: a checksum of 16 bytes, a method, two sizes, the data.
"""

import struct

import lz4.block
import zstandard

from stores.local.clickhouse_http.checksum import checksum
from stores.local.clickhouse_http.exceptions import ClickHouseException, Code

CHECKSUM_BYTES = 16
# The size of a block's plain data; a server's too.
BLOCK_BYTES = 1 << 20
HEAD = struct.Struct("<BII")
NONE, LZ4, ZSTD = 0x02, 0x82, 0x90
MAX_BLOCK_BYTES = 1 << 30


class NativeDecompressor:
    """Blocks in, plain bytes out."""

    def __init__(self, has_checksums: bool = True) -> None:
        self._has_checksums = has_checksums
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
        block = bytes(self._waiting[:end])
        del self._waiting[:end]
        if self._has_checksums and checksum(block[CHECKSUM_BYTES:]) != block[:CHECKSUM_BYTES]:
            raise ClickHouseException(
                Code.CHECKSUM_DOESNT_MATCH, "Checksum doesn't match: corrupted data."
            )
        return _unpack(method, block[CHECKSUM_BYTES + HEAD.size :], size)

    def finish(self) -> None:
        """Raise where the body ended inside a block."""
        if self._waiting:
            raise ClickHouseException(
                Code.CANNOT_DECOMPRESS, "The body ends inside a compressed block"
            )


class NativeCompressor:
    """Plain bytes in, LZ4 blocks out."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def compress(self, data: bytes | memoryview, /) -> bytes:
        """The blocks that are full by now."""
        self._waiting += data
        return self._blocks(BLOCK_BYTES)

    def flush(self) -> bytes:
        """The rest."""
        return self._blocks(1)

    def _blocks(self, least: int) -> bytes:
        blocks: list[bytes] = []
        while len(self._waiting) >= least:
            plain = bytes(self._waiting[:BLOCK_BYTES])
            del self._waiting[:BLOCK_BYTES]
            data: bytes = lz4.block.compress(plain, store_size=False)
            body = HEAD.pack(LZ4, HEAD.size + len(data), len(plain)) + data
            blocks.append(checksum(body) + body)
        return b"".join(blocks)


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
