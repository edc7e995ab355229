"""Rows on their way into ClickHouse as RowBinary, one at a time.

Belongs here: the byte form `layout.insert_changes` takes, for the rows that `vectors` leaves over.
What the bytes mean belongs to `types`.

A row is its version (ordinal, commit LSN), whether it deletes, a text that nobody reads (empty
here), and then each value, NULL or its length and its text.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ingestion.cdc.messages import UNCHANGED, Tuple, Value
from stores.errors import CaptureStopped

_VERSION = struct.Struct("<QQB")
_HEADER = struct.Struct("<QQBB")
_SHORT = 1 << 14


class RowId(NamedTuple):
    """Where a row stands in the log: the two halves of its version."""

    commit_lsn: int
    ordinal: int


@dataclass(slots=True)
class PartialRow:
    """A row whose unchanged large values are still to be found under `lookup_key`."""

    row_id: RowId
    values: Tuple
    lookup_key: tuple[Value, ...]


class StoredRow(NamedTuple):
    """A row read back from its bytes."""

    row_id: RowId
    is_deleted: bool
    values: Tuple
    data: bytes


def _not_null(length: int) -> bytes:
    """The marks before a value that is there: not NULL, then its length as a varint."""
    out = bytearray(b"\0")
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    out.append(length)
    return bytes(out)


_PREFIXES = [_not_null(length) for length in range(_SHORT)]


def encode_row(values: Tuple, row_id: RowId, *, is_deleted: bool = False) -> bytes:
    """A row of values as RowBinary."""
    parts = [_HEADER.pack(row_id.ordinal, row_id.commit_lsn, is_deleted, 0)]
    for value in values:
        if value is None:
            parts.append(b"\1")
        elif value is UNCHANGED:
            raise CaptureStopped("An unchanged large value reached ClickHouse unresolved.")
        else:
            length = len(value)
            parts.append(_PREFIXES[length] if length < _SHORT else _not_null(length))
            parts.append(value)
    return b"".join(parts)


def encode_texts(values: Iterable[bytes]) -> bytes:
    """A row of columns of type String."""
    return b"".join(_not_null(len(value))[1:] + value for value in values)


def read_rows(data: bytes, column_count: int) -> Iterator[StoredRow]:
    """The rows in a piece of RowBinary."""
    position, end = 0, len(data)
    while position < end:
        start = position
        ordinal, commit_lsn, is_deleted = _VERSION.unpack_from(data, position)
        length, position = _varint(data, position + _VERSION.size)
        position += length
        values: Tuple = []
        for _ in range(column_count):
            position += 1
            if data[position - 1]:
                values.append(None)
                continue
            length, position = _varint(data, position)
            values.append(data[position : position + length])
            position += length
        yield StoredRow(RowId(commit_lsn, ordinal), bool(is_deleted), values, data[start:position])


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A length, and where what it measures begins."""
    length = shift = 0
    while True:
        byte = data[position]
        length |= (byte & 127) << shift
        position += 1
        if byte < 128:
            return length, position
        shift += 7
