"""Blocks of the Native format as a client with a protocol version wants them.

Belongs here: what such a client gets more than the engine writes: a few bytes about each block in
front of it, and the time zones of DateTime columns, which the engine leaves out. Finding a column
means passing those before it, so this module knows how long the common types are; where it meets
another one it leaves the rest of the block as it is.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stores.local.clickhouse_http.engine import Stream
from stores.local.clickhouse_http.statement import tokens

# From this version a client reads the bytes about a block, and time zones.
WITH_BLOCK_INFO = 54337
# From this one it would expect more than is written here, so it is answered as one without.
WITH_SERIALIZATIONS = 54454
BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
DATE_TIME = b"\x08DateTime"
ZONED = re.compile(r"DateTime\('([^']+)'\)")
WIDTHS = {
    **dict.fromkeys(("UInt8", "Int8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("UInt16", "Int16", "Date", "Enum16", "BFloat16"), 2),
    **dict.fromkeys(("UInt32", "Int32", "Float32", "Date32", "DateTime", "IPv4", "Time"), 4),
    **dict.fromkeys(("UInt64", "Int64", "Float64", "DateTime64", "Time64"), 8),
    **dict.fromkeys(("UInt128", "Int128", "UUID", "IPv6"), 16),
    **dict.fromkeys(("UInt256", "Int256"), 32),
}
KEY_WIDTHS = (1, 2, 4, 8)


class UnknownType(Exception):
    """A type whose length this module does not know."""


@dataclass
class Cursor:
    """A place in a block."""

    data: memoryview
    at: int = 0

    def number(self) -> int:
        """A number of variable length."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self) -> str:
        """A text with its length in front."""
        size = self.number()
        self.at += size
        return bytes(self.data[self.at - size : self.at]).decode("utf-8", "surrogateescape")

    def word(self) -> int:
        """Eight bytes as a number."""
        self.at += 8
        return int.from_bytes(self.data[self.at - 8 : self.at], "little")


def split_type(name: str) -> tuple[str, list[str]]:
    """`Map(String, UInt8)` as `Map` and its arguments."""
    head, bracket, rest = name.partition("(")
    if not bracket:
        return head, []
    inner = rest[:-1].encode()
    cuts = [piece.start for piece in tokens(inner) if piece.text == b"," and piece.depth == 0]
    starts, ends = [0, *(cut + 1 for cut in cuts)], [*cuts, len(inner)]
    return head, [inner[a:b].decode().strip() for a, b in zip(starts, ends, strict=True)]


def skip_prefix(cursor: Cursor, name: str) -> None:
    """Pass what a type writes once in front of its column."""
    head, arguments = split_type(name)
    if head == "LowCardinality":
        cursor.at += 8
    elif head in ("Array", "Map", "Tuple", "Nullable", "Nested"):
        for argument in arguments:
            skip_prefix(cursor, _element(argument))


def skip_rows(cursor: Cursor, name: str, rows: int) -> None:
    """Pass the values of a column."""
    head, arguments = split_type(name)
    if head in WIDTHS:
        cursor.at += WIDTHS[head] * rows
    elif head == "FixedString":
        cursor.at += int(arguments[0]) * rows
    elif head.startswith("Decimal"):
        cursor.at += _decimal_width(int(arguments[0])) * rows
    elif head == "String":
        _skip_texts(cursor, rows)
    elif head in SKIPS:
        SKIPS[head](cursor, arguments, rows)
    else:
        raise UnknownType(name)


def _skip_texts(cursor: Cursor, rows: int) -> None:
    data, at = cursor.data, cursor.at
    for _ in range(rows):
        size = data[at]
        at += 1
        if size >= 0x80:
            cursor.at = at - 1
            size = cursor.number()
            at = cursor.at
        at += size
    cursor.at = at


def _decimal_width(precision: int) -> int:
    widths = ((9, 4), (18, 8), (38, 16), (76, 32))
    return next(width for digits, width in widths if precision <= digits)


def _element(argument: str) -> str:
    """The type in `name Type`, as tuples may name their elements."""
    pieces = list(tokens(argument.encode()))
    if len(pieces) > 1 and pieces[1].text != b"(":
        return argument.encode()[pieces[1].start :].decode()
    return argument


def _skip_nullable(cursor: Cursor, arguments: list[str], rows: int) -> None:
    cursor.at += rows
    skip_rows(cursor, arguments[0], rows)


def _skip_array(cursor: Cursor, arguments: list[str], rows: int) -> None:
    if not rows:
        return
    cursor.at += 8 * (rows - 1)
    inner = cursor.word()
    for argument in arguments:
        skip_rows(cursor, argument, inner)


def _skip_tuple(cursor: Cursor, arguments: list[str], rows: int) -> None:
    for argument in arguments:
        skip_rows(cursor, _element(argument), rows)


def _skip_low_cardinality(cursor: Cursor, arguments: list[str], rows: int) -> None:
    if not rows:
        return
    width = KEY_WIDTHS[cursor.word() & 0xFF]
    inner = arguments[0].removeprefix("Nullable(")
    skip_rows(cursor, inner[:-1] if inner != arguments[0] else inner, cursor.word())
    keys = cursor.word()
    cursor.at += width * keys


SKIPS: Mapping[str, Callable[[Cursor, list[str], int], None]] = {
    "Nullable": _skip_nullable,
    "Array": _skip_array,
    "Map": _skip_array,
    "Tuple": _skip_tuple,
    "LowCardinality": _skip_low_cardinality,
}


def with_zones(block: bytes | memoryview, zones: Mapping[int, str]) -> bytes:
    """The block with the full types of the columns whose place is in `zones`."""
    data = memoryview(block)
    cursor = Cursor(data)
    columns, rows = cursor.number(), cursor.number()
    parts: list[bytes | memoryview] = []
    done = 0
    try:
        for index in range(min(columns, max(zones) + 1)):
            cursor.text()
            type_at = cursor.at
            name = cursor.text()
            if index in zones and name == "DateTime":
                full = zones[index].encode()
                parts += [data[done:type_at], bytes([len(full)]) + full]
                done = cursor.at
            skip_prefix(cursor, name)
            skip_rows(cursor, name, rows)
    except (UnknownType, IndexError):
        # What has been written so far stands; the rest goes as it came.
        pass
    return b"".join([*parts, data[done:]])


class VersionedStream:
    """A stream of Native blocks for a client with a protocol version."""

    def __init__(self, stream: Stream, types: Callable[[], list[str]]) -> None:
        self._stream = stream
        self._types = types
        self._zones: dict[int, str] | None = None

    def read(self) -> bytes:
        """The next block."""
        block = self._stream.read()
        if not block:
            return b""
        if self._zones is None:
            self._zones = self._find_zones(bytes(block))
        zoned = with_zones(block, self._zones) if self._zones else block
        return b"".join((BLOCK_INFO, zoned))

    def _find_zones(self, first: bytes) -> dict[int, str]:
        """Ask for the types only where a time zone may be missing: it costs a second analysis."""
        if DATE_TIME not in first:
            return {}
        types = enumerate(self._types())
        return {index: name for index, name in types if ZONED.fullmatch(name)}

    def finish(self) -> None:
        """Raise what the statement ended with, if it failed."""
        self._stream.finish()

    def close(self) -> None:
        """Let go, wherever it stands."""
        self._stream.close()
