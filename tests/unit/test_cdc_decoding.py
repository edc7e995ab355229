"""What the log says is read as PostgreSQL writes it, and becomes rows with the right versions."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.cdc.assembler import Assembler
from ingestion.cdc.batch import RowsStep, TruncateStep
from ingestion.cdc.catalog import SourceColumn
from ingestion.cdc.layout import Layout
from ingestion.cdc.messages import UNCHANGED, Relation, RelationColumn, Tuple, decode
from ingestion.cdc.positions import format_lsn, parse_lsn, version
from ingestion.cdc.rows import PartialRow, RowId, StoredRow, encode_row, read_rows
from ingestion.cdc.state import CapturedTable
from ingestion.cdc.types import SourceType, numeric_digits
from ingestion.cdc.types_page import render_types_page
from stores.errors import CaptureStopped
from stores.settings import REPOSITORY

OID = 16400
TEXT = SourceType("text")
COLUMNS = (
    SourceColumn("id", 1, 23, SourceType("int4"), is_nullable=False),
    SourceColumn("name", 2, 25, TEXT, is_nullable=True),
)
LAYOUT = Layout(COLUMNS, ("id",))
VALUES = st.lists(st.one_of(st.none(), st.binary(max_size=300)), max_size=6)


def tuple_bytes(values: list[bytes | str | None]) -> bytes:
    out = struct.pack(">H", len(values))
    for value in values:
        if value is None:
            out += b"n"
        elif value == "unchanged":
            out += b"u"
        else:
            assert isinstance(value, bytes)
            out += b"t" + struct.pack(">I", len(value)) + value
    return out


def insert(*values: bytes | None) -> bytes:
    return b"I" + struct.pack(">I", OID) + b"N" + tuple_bytes(list(values))


def update(old: bytes, *values: bytes | str | None) -> bytes:
    return b"U" + struct.pack(">I", OID) + old + b"N" + tuple_bytes(list(values))


def begin(lsn: int) -> bytes:
    return b"B" + struct.pack(">QQI", lsn, 0, 7)


def commit(lsn: int, end: int) -> bytes:
    return b"C" + struct.pack(">BQQQ", 0, lsn, end, 0)


def relation(*columns: tuple[str, int], identity: str = "d") -> bytes:
    out = b"R" + struct.pack(">I", OID) + b"public\0items\0" + identity.encode()
    out += struct.pack(">H", len(columns))
    for name, type_oid in columns:
        flag = 1 if name == "id" else 0
        out += bytes([flag]) + name.encode() + b"\0" + struct.pack(">Ii", type_oid, -1)
    return out


RELATION = relation(("id", 23), ("name", 25))


class OneTable:
    """A registry of one table that never changes its form."""

    def __init__(self, stored_version: int = 0) -> None:
        self.table = CapturedTable(OID, "items", "public", "items", LAYOUT, state="streaming")
        self.table.stored_version = stored_version

    def find(self, oid: int) -> CapturedTable | None:
        return self.table if oid == OID else None

    def adopt(self, *_: object) -> None:
        return None

    def follow(self, *_: object) -> None:
        return None


def fed(*messages: bytes, stored_version: int = 0) -> Assembler:
    assembler = Assembler(OneTable(stored_version), 0)
    for message in messages:
        assembler.feed(message)
    return assembler


def rows_of(assembler: Assembler) -> list[tuple[Tuple, bool]]:
    found: list[StoredRow] = []
    for step in assembler.batch.steps:
        assert isinstance(step, RowsStep)
        for piece in step.rows:
            if isinstance(piece, bytes):
                found += list(read_rows(piece, len(step.layout.columns)))
    return [(row.values, row.is_deleted) for row in sorted(found, key=lambda row: row.row_id)]


@given(VALUES)
def test_a_row_is_read_back_value_by_value(values: list[bytes | None]) -> None:
    row = encode_row(list(values), RowId(5, 3))
    assert list(read_rows(row, len(values))) == [StoredRow(RowId(5, 3), False, list(values), row)]


def test_a_value_longer_than_a_short_length_is_kept_whole() -> None:
    for size in (127, 128, 16_383, 16_384, 3_000_000):
        assembler = fed(RELATION, begin(100), insert(b"1", b"x" * size), commit(100, 120))
        assert rows_of(assembler) == [([b"1", b"x" * size], False)]


def test_a_row_begins_with_its_version_as_clickhouse_reads_it() -> None:
    row = encode_row([b"1"], RowId(commit_lsn=9, ordinal=3), is_deleted=True)
    assert int.from_bytes(row[:16], "little") == version(9, 3)
    assert row[16] == 1


def test_positions_are_written_as_postgresql_writes_them() -> None:
    assert format_lsn(parse_lsn("16/B374D848")) == "16/B374D848"


def test_an_unknown_message_stops_capture() -> None:
    with pytest.raises(CaptureStopped, match="unknown message"):
        decode(b"?")


def test_a_changed_key_is_the_old_keys_tombstone_and_then_the_row() -> None:
    old = b"K" + tuple_bytes([b"1", None])
    assembler = fed(RELATION, begin(100), update(old, b"2", b"b"), commit(100, 120))
    assert rows_of(assembler) == [([b"1", None], True), ([b"2", b"b"], False)]
    step = assembler.batch.steps[0]
    assert isinstance(step, RowsStep)
    assert (step.first, step.last) == (RowId(100, 1), RowId(100, 2))
    assert assembler.batch.end_lsn == 120


def test_an_unchanged_value_is_looked_up_under_the_old_key_never_written_as_null() -> None:
    old = b"K" + tuple_bytes([b"1", None])
    assembler = fed(RELATION, begin(100), update(old, b"2", "unchanged"), commit(100, 120))
    step = assembler.batch.steps[0]
    assert isinstance(step, RowsStep)
    partial = step.rows[1]
    assert isinstance(partial, PartialRow)
    assert (partial.values, partial.lookup_key) == ([b"2", UNCHANGED], (b"1",))


def test_an_unchanged_value_is_taken_from_a_full_old_row() -> None:
    old = b"O" + tuple_bytes([b"1", b"long"])
    assembler = fed(
        relation(("id", 23), ("name", 25), identity="f"),
        begin(100),
        update(old, b"1", "unchanged"),
        commit(100, 120),
    )
    assert rows_of(assembler) == [([b"1", b"long"], False)]


def test_rows_that_are_stored_already_are_skipped_and_later_ones_keep_their_versions() -> None:
    messages = (
        RELATION, begin(100), insert(b"1", b"a"), insert(b"2", b"b"), insert(b"3", b"c"),
        commit(100, 120),
    )  # fmt: skip
    whole, rest = fed(*messages), fed(*messages, stored_version=version(100, 3))
    first, last = whole.batch.steps[0], rest.batch.steps[0]
    assert isinstance(first, RowsStep)
    assert isinstance(last, RowsStep)
    assert last.rows == first.rows[2:]


def test_a_truncate_stands_between_the_rows_before_and_after_it() -> None:
    truncate = b"T" + struct.pack(">IBI", 1, 0, OID)
    assembler = fed(RELATION, begin(100), insert(b"1", b"a"), truncate, insert(b"2", b"b"))
    kinds = [type(step) for step in assembler.batch.steps]
    assert kinds == [RowsStep, TruncateStep, RowsStep]


def announced(*columns: tuple[str, int, bool]) -> Relation:
    made = tuple(RelationColumn(name, oid, -1, key) for name, oid, key in columns)
    return Relation(OID, "public", "items", "d", made)


def test_the_digits_of_a_numeric_are_read_from_its_modifier() -> None:
    assert numeric_digits((10 << 16 | 2) + 4) == (10, 2)
    assert numeric_digits((5 << 16 | (-2 & 0x7FF)) + 4) == (5, -2)
    assert numeric_digits(-1) is None


def test_a_layout_survives_being_kept() -> None:
    array = SourceColumn("tags", 3, 1009, SourceType("_text", element=TEXT), is_nullable=True)
    layout = Layout((*COLUMNS, array), ("id",))
    assert Layout.from_json(layout.to_json()) == layout


def test_the_page_of_types_is_what_the_codec_does() -> None:
    page = Path(REPOSITORY / "docs/reference/capture_types.md").read_text()
    assert page == render_types_page(), "run: python -m ingestion.cdc.types_page"
