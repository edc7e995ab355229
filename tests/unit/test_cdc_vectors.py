"""Rows encoded many at once are the rows that encoding them one by one makes."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.cdc.arrived import Arrived
from ingestion.cdc.assembler import Assembler
from ingestion.cdc.batch import Route, RowsStep
from ingestion.cdc.catalog import SourceColumn
from ingestion.cdc.layout import Layout
from ingestion.cdc.messages import Value
from ingestion.cdc.rows import PartialRow, read_rows
from ingestion.cdc.spill import OpenTransactions
from ingestion.cdc.state import CapturedTable
from ingestion.cdc.types import SourceType
from ingestion.cdc.vectors import Flags, Memory, Rows
from stores.errors import CaptureStopped

TEXT = SourceType("text")
UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Form:
    """A table of a test: so many columns, those at `key` its key."""

    oid: int
    column_count: int
    key: tuple[int, ...]

    @property
    def layout(self) -> Layout:
        names = [f"c{index}" for index in range(self.column_count)]
        columns = tuple(
            SourceColumn(name, index + 1, 25, TEXT, is_nullable=True)
            for index, name in enumerate(names)
        )
        return Layout(columns, tuple(names[index] for index in self.key))


FORMS = (Form(16400, 1, (0,)), Form(16401, 3, (0,)), Form(16402, 7, (4, 1)))


class Registry:
    """These tables, which never change their form."""

    def __init__(self) -> None:
        self.tables = {
            form.oid: CapturedTable(form.oid, "t", "public", "t", form.layout, state="streaming")
            for form in FORMS
        }

    def find(self, oid: int) -> CapturedTable | None:
        return self.tables.get(oid)

    def adopt(self, *_: object) -> None:
        return None

    def follow(self, *_: object) -> None:
        return None


class OneByOne(Assembler):
    """Leaves every row to the slow path."""

    def _take_encoded(self, _memory: Memory, _route: Route, rows: Rows) -> Flags:
        return np.zeros(len(rows), dtype=np.bool_)


def tuple_bytes(values: tuple[bytes | str | None, ...]) -> bytes:
    out = struct.pack(">H", len(values))
    for value in values:
        if isinstance(value, bytes):
            out += b"t" + struct.pack(">I", len(value)) + value
        else:
            out += b"n" if value is None else b"u"
    return out


def relation(form: Form, xid: bytes = b"") -> bytes:
    out = b"R" + xid + struct.pack(">I", form.oid) + b"public\0t\0f"
    out += struct.pack(">H", form.column_count)
    for column in form.layout.columns:
        out += b"\0" + column.name.encode() + b"\0" + struct.pack(">Ii", 25, -1)
    return out


def begin(lsn: int) -> bytes:
    return b"B" + struct.pack(">QQI", lsn, 0, 7)


def commit(lsn: int) -> bytes:
    return b"C" + struct.pack(">BQQQ", 0, lsn, lsn + 8, 0)


KEYS = st.sampled_from([b"", b"1", b"2", b"12345678", b"123456789", b"k" * 70])
VALUES = st.one_of(st.none(), st.binary(max_size=9), st.sampled_from([b"x" * 127, b"y" * 20_000]))


@st.composite
def changes(draw: st.DrawFn) -> tuple[Form, bytes, bytes]:
    """A table, a message's kind, and what follows the oid."""
    form = draw(st.sampled_from(FORMS))

    def row(*, unchanged: bool = False) -> tuple[bytes | str | None, ...]:
        other = st.one_of(VALUES, st.just(UNCHANGED)) if unchanged else VALUES
        return tuple(
            draw(KEYS) if index in form.key else draw(other) for index in range(form.column_count)
        )

    def key_only(values: tuple[bytes | str | None, ...]) -> tuple[bytes | str | None, ...]:
        return tuple(value if i in form.key else None for i, value in enumerate(values))

    old, kind = row(), draw(st.sampled_from(["insert", "update", "moved", "full", "gone", "left"]))
    if kind == "insert":
        return form, b"I", b"N" + tuple_bytes(old)
    if kind == "update":
        return form, b"U", b"N" + tuple_bytes(row(unchanged=True))
    if kind == "moved":
        return form, b"U", b"K" + tuple_bytes(key_only(old)) + b"N" + tuple_bytes(row())
    if kind == "full":
        new = row(unchanged=True)
        if draw(st.booleans()):
            new = tuple(old[i] if i in form.key else value for i, value in enumerate(new))
        return form, b"U", b"O" + tuple_bytes(old) + b"N" + tuple_bytes(new)
    if kind == "gone":
        return form, b"D", b"K" + tuple_bytes(key_only(old))
    return form, b"D", b"O" + tuple_bytes(old)


TRANSACTIONS = st.lists(st.lists(changes(), max_size=12), min_size=1, max_size=5)


def messages_of(transactions: list[list[tuple[Form, bytes, bytes]]]) -> list[bytes]:
    messages = [relation(form) for form in FORMS]
    for number, transaction in enumerate(transactions, start=1):
        messages.append(begin(number * 100))
        messages += [kind + struct.pack(">I", form.oid) + rest for form, kind, rest in transaction]
        messages.append(commit(number * 100))
    return messages


def stored(assembler: Assembler) -> list[tuple[Any, ...]]:
    """Every row: table, version, whether it deletes, and values (of a deletion, the key's)."""
    found: list[tuple[Any, ...]] = []
    for step in assembler.batch.steps:
        assert isinstance(step, RowsStep)
        form = next(form for form in FORMS if form.oid == step.table.oid)
        count = 0
        for piece in step.rows:
            if isinstance(piece, PartialRow):
                count += 1
                found.append((form.oid, piece.row_id, "partial", piece.values, piece.lookup_key))
                continue
            for row in read_rows(piece, form.column_count):
                count += 1
                assert step.first <= row.row_id <= step.last
                values = row.values
                if row.is_deleted:
                    if any(values[i] for i in range(form.column_count) if i not in form.key):
                        assert step.has_full_deletion
                    values = [values[i] for i in form.key]
                found.append((form.oid, row.row_id, row.is_deleted, values))
        assert count == step.row_count
    return sorted(found, key=lambda row: (row[0], row[1]))


@settings(max_examples=150, deadline=None)
@given(transactions=TRANSACTIONS)
def test_many_rows_at_once_are_what_one_by_one_makes_of_them(
    tmp_path_factory: pytest.TempPathFactory,
    transactions: list[list[tuple[Form, bytes, bytes]]],
) -> None:
    """Also where one of them keeps the rows that moved in a file."""
    messages = messages_of(transactions)
    at_once, one_by_one = Assembler(Registry(), 0), OneByOne(Registry(), 0)
    moved = tmp_path_factory.getbasetemp() / "moved"
    one_by_one._arrived = Arrived(lambda: moved, memory_rows=1)
    at_once.feed(*messages)
    one_by_one.feed(*messages)
    one_by_one._arrived.close()
    assert not moved.exists()
    assert stored(at_once) == stored(one_by_one)
    assert at_once.batch.row_count == one_by_one.batch.row_count
    assert at_once.batch.end_lsn == len(transactions) * 100 + 8


@settings(max_examples=60, deadline=None)
@given(st.lists(changes(), min_size=1, max_size=20), st.data())
def test_a_streamed_transaction_becomes_the_rows_it_would_be_if_it_came_whole(
    transaction: list[tuple[Form, bytes, bytes]], data: st.DataObject
) -> None:
    """Some of it in a subtransaction that is rolled back; other transactions in between."""
    kept, aborted = struct.pack(">I", 900), struct.pack(">I", 901)
    streamed = [b"S" + kept + b"\1", *(relation(form, kept) for form in FORMS)]
    survivors = []
    for change in transaction:
        form, kind, rest = change
        is_gone = data.draw(st.booleans())
        body = (aborted if is_gone else kept) + struct.pack(">I", form.oid) + rest
        streamed.append(kind + body)
        if not is_gone:
            survivors.append(change)
        if data.draw(st.booleans()):
            streamed += [b"E", begin(50), commit(50), b"S" + kept + b"\0"]
    streamed += [b"E", b"A" + kept + aborted]
    streamed.append(b"c" + kept + struct.pack(">BQQQ", 0, 100, 108, 0))
    spilling = OpenTransactions(memory_bytes=200)
    taken, whole = Assembler(Registry(), 0, spilling), Assembler(Registry(), 0)
    try:
        for message in streamed:
            taken.feed(message)
        assert not len(spilling)
    finally:
        spilling.close()
    whole.feed(*messages_of([survivors]))
    assert stored(taken) == stored(whole)
    assert taken.batch.end_lsn == 108


def test_keys_that_rows_move_to_are_remembered_beyond_the_memory_for_them(tmp_path: Path) -> None:
    def row(number: int, name: bytes = b"x") -> list[Value]:
        return [b"%d" % number, name]

    arrived = Arrived(lambda: tmp_path / "moved", memory_rows=100)
    arrived.begin(5)
    for number in range(1000):
        arrived.note(1, (b"%d" % number,), row(number))
        assert len(arrived._rows) <= 100
    assert arrived.is_any(5)
    assert arrived.is_taken(1, (b"7",), row(7, b"another"))
    assert not arrived.is_taken(1, (b"7",), row(7))
    assert not arrived.is_taken(1, (b"7",), row(7, b"another")), "it has left"
    assert not arrived.is_taken(2, (b"8",), row(8, b"another")), "a key of another table"
    arrived.note(1, (b"8",), row(8, b"newer"))
    assert arrived.is_taken(1, (b"8",), row(8))
    arrived.begin(6)
    assert not arrived.is_any(6)
    assert not list(tmp_path.iterdir())


def test_a_streamed_transaction_that_is_rolled_back_leaves_nothing() -> None:
    xid, form = struct.pack(">I", 900), FORMS[1]
    row = b"I" + xid + struct.pack(">I", form.oid) + b"N" + tuple_bytes((b"1", b"a", None))
    assembler = Assembler(Registry(), 0)
    assembler.feed(b"S" + xid + b"\1", relation(form, xid), row, b"E", b"A" + xid + xid)
    assert not assembler.batch.steps
    assert not assembler.in_transaction


def test_rows_of_a_table_whose_form_was_never_named_stop_capture() -> None:
    form = Form(99, 1, (0,))
    row = b"I" + struct.pack(">I", form.oid) + b"N" + tuple_bytes((b"1",))
    with pytest.raises(CaptureStopped, match="without naming its form"):
        Assembler(Registry(), 0).feed(begin(100), row)


@pytest.mark.parametrize("broken", [b"\0\1", b"\0\3t\0\0\0\1xtn", b"\0\3nnq", b"\0\3nnnn"])
def test_a_row_that_is_not_what_it_should_be_stops_capture(broken: bytes) -> None:
    form = FORMS[1]
    good = b"I" + struct.pack(">I", form.oid) + b"N" + tuple_bytes((b"1", None, b"x"))
    bad = b"I" + struct.pack(">I", form.oid) + b"N" + broken
    with pytest.raises(CaptureStopped):
        Assembler(Registry(), 0).feed(relation(form), begin(100), good, bad, good)
