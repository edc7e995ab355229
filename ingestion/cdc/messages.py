"""What PostgreSQL's pgoutput plugin says, as typed messages.

Belongs here: the wire form of messages and tuples (protocol versions 1 and 2, values as text).
What a message does to a table belongs to `batch`, and when to `assembler`.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from stores.errors import CaptureStopped


class Unchanged(Enum):
    """Stands for a large value that the update did not touch and the log does not repeat."""

    TOAST = "unchanged"


UNCHANGED: Final = Unchanged.TOAST
Value = bytes | None | Unchanged
Tuple = list[Value]

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_BEGIN = struct.Struct(">QQI")
_COMMIT = struct.Struct(">BQQQ")
_STREAM_COMMIT = struct.Struct(">IBQQQ")
_STREAM_ABORT = struct.Struct(">II")
_UINT32 = struct.Struct(">I")
_UINT16 = struct.Struct(">H")
_COLUMN = struct.Struct(">Ii")


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction starts; `commit_lsn` is that of its commit, known in advance."""

    commit_lsn: int


@dataclass(frozen=True, slots=True)
class Commit:
    """A transaction is complete; a restart at `end_lsn` does not repeat it."""

    commit_lsn: int
    end_lsn: int
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class StreamStart:
    """What follows, up to StreamStop, belongs to a transaction that has not ended."""

    transaction_id: int


@dataclass(frozen=True, slots=True)
class StreamStop:
    """The end of what StreamStart began."""


@dataclass(frozen=True, slots=True)
class StreamCommit:
    """A streamed transaction is complete."""

    transaction_id: int
    commit: Commit


@dataclass(frozen=True, slots=True)
class StreamAbort:
    """A streamed transaction, or a savepoint in it, was rolled back."""

    transaction_id: int
    subtransaction_id: int


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column as the log names it."""

    name: str
    type_oid: int
    type_modifier: int
    is_identity: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """The form of the rows that follow for table `oid`. `identity` is d, n, f or i."""

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[RelationColumn, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A row inserted (`old` absent), updated or deleted (`new` absent).

    `old_kind` is `K` where only the identity columns of `old` are given, `O` for all.
    """

    oid: int
    old_kind: str
    old: Tuple | None
    new: Tuple | None


@dataclass(frozen=True, slots=True)
class Truncate:
    """These tables were emptied at once."""

    oids: tuple[int, ...]


Message = (
    Begin
    | Commit
    | Relation
    | Change
    | Truncate
    | StreamStart
    | StreamStop
    | StreamCommit
    | StreamAbort
)


def decode(data: bytes) -> Message | None:
    """One message; None for those that change no row (Origin, Type, logical messages).

    Raises CaptureStopped for what is unknown or not as the protocol has it.
    """
    try:
        return _decode(data)
    except (struct.error, IndexError, ValueError) as error:
        raise _malformed(data) from error


def _decode(data: bytes) -> Message | None:
    kind = data[:1]
    if kind in (b"I", b"U", b"D"):
        return decode_change(data)
    if kind == b"B":
        return Begin(_BEGIN.unpack_from(data, 1)[0])
    if kind == b"C":
        return _commit(data)
    if kind == b"R":
        return _relation(data)
    if kind == b"T":
        return _truncate(data)
    return None if kind in (b"O", b"Y", b"M") else _streamed(data)


def decode_change(data: bytes) -> Change:
    """An insert, update or delete."""
    oid = _UINT32.unpack_from(data, 1)[0]
    old_kind, old, position = "", None, 5
    if data[position : position + 1] in (b"K", b"O"):
        old_kind = chr(data[position])
        old, position = decode_tuple(data, position + 1)
    new = None
    if data[position : position + 1] == b"N":
        new, position = decode_tuple(data, position + 1)
    if position != len(data):
        raise _malformed(data)
    return Change(oid, old_kind, old, new)


def decode_tuple(data: bytes, position: int) -> tuple[Tuple, int]:
    """The values at `position`, and where they end."""
    count = _UINT16.unpack_from(data, position)[0]
    position += 2
    values: Tuple = []
    for _ in range(count):
        kind = data[position]
        if kind == 116:  # t
            start = position + 5
            position = start + _UINT32.unpack_from(data, position + 1)[0]
            values.append(data[start:position])
            continue
        position += 1
        if kind == 110:  # n
            values.append(None)
        elif kind == 117:  # u
            values.append(UNCHANGED)
        else:
            raise CaptureStopped(f"PostgreSQL sent a value of unknown kind {chr(kind)!r}.")
    return values, position


def _malformed(data: bytes) -> CaptureStopped:
    return CaptureStopped(
        f"PostgreSQL sent a message {data[:1]!r} of {len(data)} bytes that is not as its protocol"
        " has it; nothing after it was confirmed."
    )


def _commit(data: bytes) -> Commit:
    _, commit_lsn, end_lsn, micros = _COMMIT.unpack_from(data, 1)
    return Commit(commit_lsn, end_lsn, _EPOCH + timedelta(microseconds=micros))


def _streamed(data: bytes) -> Message:
    kind = data[:1]
    if kind == b"S":
        return StreamStart(_UINT32.unpack_from(data, 1)[0])
    if kind == b"E":
        return StreamStop()
    if kind == b"A":
        return StreamAbort(*_STREAM_ABORT.unpack_from(data, 1))
    if kind != b"c":
        raise CaptureStopped(
            f"PostgreSQL sent an unknown message {kind!r}; nothing after it was confirmed. "
            "Upgrade this program to one that knows the protocol of this PostgreSQL version."
        )
    transaction_id, _, commit_lsn, end_lsn, micros = _STREAM_COMMIT.unpack_from(data, 1)
    committed_at = _EPOCH + timedelta(microseconds=micros)
    return StreamCommit(transaction_id, Commit(commit_lsn, end_lsn, committed_at))


def _relation(data: bytes) -> Relation:
    oid = _UINT32.unpack_from(data, 1)[0]
    schema, position = _text(data, 5)
    name, position = _text(data, position)
    identity = chr(data[position])
    count = _UINT16.unpack_from(data, position + 1)[0]
    position += 3
    columns = []
    for _ in range(count):
        is_identity = bool(data[position] & 1)
        column, position = _text(data, position + 1)
        type_oid, modifier = _COLUMN.unpack_from(data, position)
        position += 8
        columns.append(RelationColumn(column, type_oid, modifier, is_identity))
    # An empty schema name is how the log writes pg_catalog.
    return Relation(oid, schema or "pg_catalog", name, identity, tuple(columns))


def _truncate(data: bytes) -> Truncate:
    count = _UINT32.unpack_from(data, 1)[0]
    return Truncate(struct.unpack_from(f">{count}I", data, 6))


def _text(data: bytes, position: int) -> tuple[str, int]:
    end = data.index(b"\0", position)
    return data[position:end].decode(), end + 1
