"""Capture dies while tables are renamed, paused, resumed, or wait to be read anew.

Belongs here: a death before each write of a table's life, one after the other. What dies while
rows are written is in `test_cdc_crashes`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from fix_capture import Capture

from ingestion.cdc.control import ask
from ingestion.cdc.run import drain
from ingestion.cdc.state import StateStore
from stores.errors import StoreUnavailable
from stores.postgres.client import connect

LIFE = ("RENAME", "EXCHANGE", "DROP", "CREATE OR REPLACE VIEW", "CREATE TABLE")
NAMES = ("one", "two")
EXCHANGE = (
    "ALTER TABLE one RENAME TO hole", "ALTER TABLE two RENAME TO one",
    "ALTER TABLE hole RENAME TO two",
)  # fmt: skip


class Killed(BaseException):
    """Stands for kill -9: no handler of ours may catch it."""


@pytest.fixture
def pair(capture: Capture) -> Capture:
    """Two tables, streaming."""
    for name in NAMES:
        capture.sql(
            f"CREATE TABLE {name} (id int PRIMARY KEY, said text)",
            f"INSERT INTO {name} SELECT n, '{name}' FROM generate_series(1, 3) n",
        )
    capture.publish(*NAMES)
    capture.settle()
    return capture


@contextmanager
def dying_at(number: int, capture: Capture, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Before this write of a table's life; gives those that were come to."""
    done: list[str] = []
    client = type(capture.clickhouse)
    command, save = client.command, StateStore.save

    def come_to(what: str) -> None:
        done.append(what)
        if len(done) == number:
            raise Killed

    def counted_command(self: Any, cmd: str, *rest: Any, **named: Any) -> Any:
        if cmd.startswith(LIFE):
            come_to(cmd)
        return command(self, cmd, *rest, **named)

    def counted_save(store: StateStore, table: Any) -> None:
        come_to("save")
        save(store, table)

    with monkeypatch.context() as patched:
        patched.setattr(client, "command", counted_command)
        patched.setattr(StateStore, "save", counted_save)
        with suppress(Killed):
            yield done


def at_each_write(
    capture: Capture,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[], None],
    is_right: Callable[[], None],
) -> int:
    """Make the change and die at its first write, then at its second …; how many there are."""
    number = 0
    while True:
        number += 1
        change()
        with dying_at(number, capture, monkeypatch) as done:
            capture.settle()
        capture.settle()
        is_right()
        if len(done) < number:
            return number - 1


def assert_shown(capture: Capture) -> None:
    for name in NAMES:
        query = f"SELECT id, said FROM {{}}{name} ORDER BY id"
        with connect(capture.options.source_url) as connection:
            source = connection.execute(query.format("").encode()).fetchall()
        assert capture.rows(query.format("oltp.")) == source, name


@pytest.mark.long
def test_killed_at_each_write_while_two_tables_exchange_their_names(
    pair: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change() -> None:
        pair.transaction(*EXCHANGE)
        for name in NAMES:
            pair.sql(f"INSERT INTO {name} SELECT max(id) + 1, 'later' FROM {name}")

    marks = {table.oid: table.storage_mark for table in pair.tables()}
    assert at_each_write(pair, monkeypatch, change, lambda: assert_shown(pair)) > 8
    assert {table.oid: table.storage_mark for table in pair.tables()} == marks, "none is read anew"
    pair.assert_equal(*NAMES)


@pytest.mark.long
def test_killed_at_each_write_of_a_pause_and_of_what_ends_it(
    pair: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def pause() -> None:
        if pair.table("one").state == "paused":
            ask(pair.options, "one", "resume")
            pair.settle()
        seen[:] = pair.rows("SELECT * FROM oltp.one ORDER BY id")
        ask(pair.options, "one", "pause")
        pair.sql("INSERT INTO two SELECT max(id) + 1, 'later' FROM two")

    def is_paused() -> None:
        assert pair.table("one").state == "paused"
        pair.sql("INSERT INTO one SELECT max(id) + 1, 'while it rests' FROM one")
        pair.settle()
        assert pair.rows("SELECT * FROM oltp.one ORDER BY id") == seen
        pair.assert_equal("two")

    def resume() -> None:
        if pair.table("one").state != "paused":
            ask(pair.options, "one", "pause")
            pair.settle()
        pair.sql("INSERT INTO one SELECT max(id) + 1, 'unseen' FROM one")
        ask(pair.options, "one", "resume")

    assert at_each_write(pair, monkeypatch, pause, is_paused) >= 1
    assert at_each_write(pair, monkeypatch, resume, lambda: assert_shown(pair)) > 4
    pair.assert_equal(*NAMES)


def test_killed_while_a_table_waits_for_its_lock_and_it_is_read_once_that_is_free(
    pair: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pair.table("one").storage_mark
    pair.sql("UPDATE one SET said = 'before'")
    with connect(pair.options.source_url) as holder:
        holder.execute("LOCK TABLE one IN ACCESS EXCLUSIVE MODE")
        ask(pair.options, "one", "resync")
        with dying_at(1, pair, monkeypatch) as done:
            drain(20, pair.options)
        assert done == ["save"]
        pair.sql("INSERT INTO two VALUES (50, 'goes on')")
        with suppress(StoreUnavailable):
            drain(4, pair.options)
        assert pair.rows("SELECT count() FROM oltp.two WHERE id = 50") == [(1,)]
        assert pair.rows("SELECT count() FROM oltp.one") == [(3,)], "readers keep the old rows"
        holder.execute("UPDATE one SET said = 'by the holder' WHERE id = 1")
    pair.settle()
    assert pair.table("one").storage_mark != before
    pair.assert_equal(*NAMES)
