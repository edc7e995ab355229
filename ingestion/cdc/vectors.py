"""Many rows at once: messages of the log become RowBinary where they lie, column by column.

Belongs here: the byte trick. A value in the log is `t`, four bytes of length and its text; in
RowBinary, as Nullable(String), it is a zero and a varint of its length, which four bytes can hold
too. So a row keeps its size: its marks are overwritten in place, its values are never touched, and
what stands before the first value (headers, an old row) becomes one text that nobody reads.

What cannot be done that way (a changed key, an unchanged large value, anything unexpected) is left
as it was and named in the answer; `batch` takes those rows one by one.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stores.postgres.frames import MESSAGE_OFFSET, PADDING, Positions

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]

INSERT, UPDATE, DELETE = ord("I"), ord("U"), ord("D")
_TEXT, _NULL = ord("t"), ord("n")
_NEW, _KEY, _OLD = ord("N"), ord("K"), ord("O")
# After a message's kind and its transaction: a table's oid, which tuple, how many columns.
_OID, _TUPLE_KIND, _TUPLE_COUNT, _VALUES = 1, 5, 6, 8
# A varint of four bytes holds this much.
_LENGTH_LIMIT = 1 << 28
# Keys longer than this are compared one by one.
_LONGEST_KEY_BYTES = 64
# Version, deletion, and the length of the text that nobody reads.
_SKIPPED_AT, _SKIPPED_SIZE = 17, 4

_LOW_BYTE, _HIGH_BYTES = np.uint64(0xFF), np.uint64(0xFFFFFFFFFFFFFF00)
_AFTER_MARK = np.uint64(0xFFFFFF0000000000)
_BYTE = np.uint64(8)
_MORE = np.uint64(0x00808080)
_KEPT_BYTES = np.array([0, *((1 << 8 * n) - 1 for n in range(1, 9))], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Rows:
    """Messages of one table: where each stands in memory and in the log."""

    starts: Positions
    ends: Positions
    commit_lsns: Words
    ordinals: Words

    def __len__(self) -> int:
        return len(self.starts)

    def only(self, chosen: Flags | NDArray[np.intp]) -> "Rows":
        """Some of them."""
        return Rows(
            self.starts[chosen],
            self.ends[chosen],
            self.commit_lsns[chosen],
            self.ordinals[chosen],
        )


class Memory:
    """A buffer of frames, seen as bytes and as overlapping words.

    `shift` is 4 where messages carry the transaction they belong to, as those of a streamed
    transaction do.
    """

    def __init__(self, data: bytearray, shift: int = 0) -> None:
        self.data = data
        self.shift = shift
        self.message = MESSAGE_OFFSET + shift
        size = len(data)
        self.bytes: Bytes = np.frombuffer(data, np.uint8)
        self._words: Words = np.ndarray((size - 7,), "<u8", data, strides=(1,))
        self._halves: NDArray[np.uint32] = np.ndarray((size - 3,), "<u4", data, strides=(1,))
        self._last = size - PADDING

    def kinds(self, starts: Positions) -> Bytes:
        """The kind of each message."""
        kinds: Bytes = self.bytes[starts + MESSAGE_OFFSET]
        return kinds

    def transactions(self, starts: Positions) -> NDArray[np.uint32]:
        """The (sub)transaction of each message, in a stream that names it."""
        return self._halves[starts + (MESSAGE_OFFSET + 1)].byteswap()

    def oids(self, starts: Positions) -> NDArray[np.uint32]:
        """The table of each row."""
        return self._halves[starts + (self.message + _OID)].byteswap()

    def text(self, start: int, end: int) -> bytes:
        """One message as if it had not been streamed."""
        at = start + MESSAGE_OFFSET
        return bytes(self.data[at : at + 1] + self.data[at + 1 + self.shift : end])

    def pieces(self, rows: Rows) -> bytes:
        """The bytes of these rows, joined."""
        breaks = np.flatnonzero(rows.starts[1:] != rows.ends[:-1])
        firsts = [0, *(breaks + 1).tolist()]
        lasts = [*breaks.tolist(), len(rows) - 1]
        starts, ends = rows.starts[firsts].tolist(), rows.ends[lasts].tolist()
        with memoryview(self.data) as view:
            return b"".join([view[start:end] for start, end in zip(starts, ends, strict=True)])

    def read(self, rows: Rows, column_count: int, key: tuple[int, ...]) -> "Reading":
        """Look through rows of one table; nothing is changed yet."""
        kinds, tuples = self.kinds(rows.starts), self.bytes[rows.starts + self._at(_TUPLE_KIND)]
        is_deletion = (kinds == DELETE) & ((tuples == _KEY) | (tuples == _OLD))
        is_plain = (tuples == _NEW) & (kinds != DELETE)
        is_full = (tuples == _OLD) & (kinds == UPDATE)
        reading = Reading(self, len(rows), is_deletion | is_full)
        for chosen, deleted in ((is_plain, 0), (is_deletion, 1)):
            found = np.flatnonzero(chosen)
            if len(found):
                reading.add(found, self._read_plain(rows.only(found), column_count, deleted))
        found = np.flatnonzero(is_full)
        if len(found):
            reading.add(found, self._read_full(rows.only(found), column_count, key))
        return reading

    def has_full_deletion(self, rows: Rows) -> bool:
        """Whether one of them gives more of the deleted row than its key."""
        is_deletion = self.kinds(rows.starts) == DELETE
        is_full = self.bytes[rows.starts + self._at(_TUPLE_KIND)] == _OLD
        return bool((is_deletion & is_full).any())

    def _at(self, offset: int) -> int:
        return self.message + offset

    def _read_plain(self, rows: Rows, count: int, deleted: int) -> "_Part":
        first = rows.starts + self._at(_VALUES)
        walk = self._walk(first, count)
        good = walk.is_good & (walk.end == rows.ends)
        good &= self._counts(rows.starts + self._at(_TUPLE_COUNT)) == count
        return _Part(rows, walk, good, first, deleted)

    def _read_full(self, rows: Rows, count: int, key: tuple[int, ...]) -> "_Part":
        old = self._walk(rows.starts + self._at(_VALUES), count)
        middle = np.minimum(old.end, self._last)
        first = middle + 3
        new = self._walk(first, count)
        good = old.is_good & new.is_good & (new.end == rows.ends)
        good &= self._counts(rows.starts + self._at(_TUPLE_COUNT)) == count
        good &= (self.bytes[middle] == _NEW) & (self._counts(middle + 1) == count)
        for place in key:
            good &= self._is_same(old, new, place)
        return _Part(rows, new, good, first, 0)

    def _counts(self, at: Positions) -> Positions:
        return self.bytes[at].astype(np.int64) * 256 + self.bytes[at + 1]

    def _walk(self, position: Positions, count: int) -> "_Walk":
        """From value to value through every row at once."""
        is_good = np.ones(len(position), dtype=np.bool_)
        walk = _Walk([], [], [], [], position, is_good)
        for _ in range(count):
            head = self._words[position]
            kind = head & _LOW_BYTE
            length = (head >> _BYTE).astype(np.uint32).byteswap().astype(np.int64)
            is_text = kind == _TEXT
            walk.positions.append(position)
            walk.heads.append(head)
            if is_text.all():
                walk.nulls.append(None)
                position = position + (length + 5)
            else:
                is_good &= is_text | (kind == _NULL)
                length = np.where(is_text, length, 0)
                walk.nulls.append(~is_text)
                position = position + np.where(is_text, length + 5, 1)
            walk.lengths.append(length)
            is_good &= length < _LENGTH_LIMIT
            # Whatever is not understood must not lead out of the buffer.
            position = np.minimum(position, self._last)
        return replace(walk, end=position, is_good=is_good)

    def _is_same(self, old: "_Walk", new: "_Walk", place: int) -> Flags:
        """Whether a column has the same bytes in both."""
        a, b, length = old.positions[place], new.positions[place], old.lengths[place]
        same: Flags = (length == new.lengths[place]) & (length <= _LONGEST_KEY_BYTES)
        for nulls in (old.nulls[place], new.nulls[place]):
            if nulls is not None:
                same &= ~nulls
        longest = int(np.where(same, length, 0).max())
        for offset in range(0, longest, 8):
            at_a = np.minimum(a + (5 + offset), self._last)
            at_b = np.minimum(b + (5 + offset), self._last)
            differing = self._words[at_a] ^ self._words[at_b]
            differing &= _KEPT_BYTES[np.clip(length - offset, 0, 8)]
            same &= differing == 0
        return same

    def mark_values(self, part: "_Part") -> None:
        """Turn the marks of values into those of RowBinary."""
        walk, chosen = part.walk, part.chosen
        for position, head, length, nulls in zip(
            walk.positions, walk.heads, walk.lengths, walk.nulls, strict=True
        ):
            was = head[chosen]
            mark = (was & _AFTER_MARK) | (_varint(length[chosen]) << _BYTE)
            if nulls is not None:
                mark = np.where(nulls[chosen], (was & _HIGH_BYTES) | np.uint64(1), mark)
            self._words[position[chosen]] = mark

    def mark_heads(self, part: "_Part") -> None:
        """Write what a row begins with over what came before its values."""
        rows, chosen = part.rows, part.chosen
        starts = rows.starts[chosen]
        # A row comes after the tombstone that a changed key would need.
        self._words[starts] = rows.ordinals[chosen] + np.uint64(not part.deleted)
        self._words[starts + 8] = rows.commit_lsns[chosen]
        self.bytes[starts + 16] = part.deleted
        at = starts + _SKIPPED_AT
        self._halves[at] = _varint(part.first[chosen] - at - _SKIPPED_SIZE)


class Reading:
    """What was found about rows of one table: which of them can be encoded all at once."""

    def __init__(self, memory: Memory, count: int, has_old_row: Flags) -> None:
        self._memory = memory
        self._parts: list[tuple[NDArray[np.intp], _Part]] = []
        self._has_old_row = has_old_row
        self.is_good: Flags = np.zeros(count, dtype=np.bool_)

    def add(self, found: NDArray[np.intp], part: "_Part") -> None:
        """What was found about the rows numbered `found`."""
        self._parts.append((found, part))
        self.is_good[found] = part.is_good

    @property
    def may_move(self) -> bool:
        """Whether a row that names its former self may have changed its key."""
        return bool((self._has_old_row & ~self.is_good).any())

    def leave_old_rows(self) -> None:
        """Do not encode deletions and rows that name their former selves."""
        self.is_good &= ~self._has_old_row

    def encode(self) -> None:
        """Turn what is good into RowBinary.

        Values first: the words they are written with reach into the head of the row after them.
        """
        parts = [replace(part, is_good=self.is_good[found]) for found, part in self._parts]
        for part in parts:
            self._memory.mark_values(part)
        for part in parts:
            self._memory.mark_heads(part)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one kind: their values begin at `first`."""

    rows: Rows
    walk: "_Walk"
    is_good: Flags
    first: Positions
    deleted: int

    @property
    def chosen(self) -> slice | NDArray[np.intp]:
        """Those that can be encoded."""
        return slice(None) if self.is_good.all() else np.flatnonzero(self.is_good)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One entry per column, each a vector over the rows; then where the rows end."""

    positions: list[Positions]
    heads: list[Words]
    lengths: list[Positions]
    nulls: list[Flags | None]
    end: Positions
    is_good: Flags


def _varint(length: Positions) -> Words:
    """Four bytes, the last without the mark that more would follow."""
    size = length.astype(np.uint64)
    out: Words = size & np.uint64(0x7F)
    for place, bits in enumerate((0x3F80, 0x1FC000, 0xFE00000), start=1):
        out |= (size & np.uint64(bits)) << np.uint64(place)
    return out | _MORE
