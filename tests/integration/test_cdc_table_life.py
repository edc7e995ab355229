"""Each captured table has a life of its own: paused, renamed, dropped, locked, read anew."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from fix_capture import Capture
from fix_stack import wait_until

from ingestion.cdc.control import ask, wait_until_done
from ingestion.cdc.registry import Tables
from ingestion.cdc.state import StateStore
from interview_data.cli import main
from stores.errors import InputInvalid, StateConflict, StoreUnavailable
from stores.postgres.client import connect


def make(capture: Capture, *tables: str, rows: int = 3) -> None:
    """Tables of an id and a name, not captured yet."""
    for name in tables:
        capture.sql(
            f"CREATE TABLE {name} (id int PRIMARY KEY, name text)",
            f"INSERT INTO {name} SELECT n, '{name} ' || n FROM generate_series(1, {rows}) n",
        )


def follow(capture: Capture, *tables: str) -> None:
    capture.start()
    for name in tables:
        capture.wait_state(name, "streaming")


def names(capture: Capture, table: str) -> list[str]:
    return [name for (name,) in capture.rows(f"SELECT name FROM oltp.{table} ORDER BY id")]


@contextmanager
def locked(capture: Capture, table: str) -> Iterator[None]:
    """Somebody's long migration holds a table at the source."""
    with connect(capture.options.source_url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield
        connection.rollback()


def command(capture: Capture, *arguments: str) -> tuple[int, str]:
    chosen = capture.options
    given = ["--source", chosen.source_url, "--publication", chosen.publication]
    given += ["--slot", chosen.slot, "--target-database", chosen.target_database]
    found = CliRunner().invoke(main, ["cdc", *arguments, *given], catch_exceptions=True)
    return found.exit_code, found.stdout


def test_a_paused_table_stands_still_and_loses_nothing_when_it_is_resumed(
    capture: Capture,
) -> None:
    make(capture, "still", "moving")
    capture.publish("still", "moving")
    follow(capture, "still", "moving")
    code, printed = command(capture, "pause", "still", "--json")
    assert code == 0
    assert json.loads(printed)["tables"][0]["state"] == "paused"
    capture.sql(
        "UPDATE still SET name = 'changed' WHERE id = 1",
        "DELETE FROM still WHERE id = 2",
        "ALTER TABLE still ADD COLUMN level int DEFAULT 5",
        "INSERT INTO still VALUES (4, 'new', 6)",
        "INSERT INTO moving VALUES (4, 'new')",
    )
    capture.settle()
    assert names(capture, "still") == ["still 1", "still 2", "still 3"]
    assert names(capture, "moving")[-1] == "new"
    lag = capture.source_value(
        "SELECT pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots"
        f" WHERE slot_name = '{capture.options.slot}'"
    )
    assert lag < 1 << 20, "the log is not held for a paused table"
    capture.stop()
    follow(capture, "moving")
    assert capture.table("still").state == "paused", "a restart does not resume"
    code, printed = command(capture, "resume", "still")
    assert code == 0
    assert "streaming" in printed
    capture.settle()
    assert names(capture, "still") == ["changed", "still 3", "new"]
    capture.assert_equal("still", "moving")


def test_wishes_name_what_is_wrong_with_them(capture: Capture) -> None:
    make(capture, "items")
    capture.publish("items")
    capture.settle()
    with pytest.raises(InputInvalid, match="must be one of items"):
        ask(capture.options, "itms", "pause")
    with pytest.raises(StateConflict, match="cdc resync items"):
        ask(capture.options, "items", "resume")
    request = ask(capture.options, "items", "resync")
    with pytest.raises(StoreUnavailable, match="no capture has taken the wish"):
        wait_until_done(capture.options, request, 0.3)
    code, printed = command(capture, "resync", "--all", "--no-wait")
    assert code == 0
    assert "the next, will do it" in printed
    assert command(capture, "resync")[0] == 2
    before = capture.table("items").storage_mark
    capture.settle()
    assert capture.table("items").storage_mark != before, "the wish was kept"
    capture.assert_equal("items")


def test_names_follow_the_source_also_when_two_tables_exchange_theirs(capture: Capture) -> None:
    make(capture, "old", "red", "blue", "shop", "shop_new")
    capture.publish("old", "red", "blue", "shop", "shop_new")
    follow(capture, "old", "red", "blue", "shop", "shop_new")
    before = {table.oid: table.storage_mark for table in capture.tables()}
    capture.sql("ALTER TABLE old RENAME TO new", "INSERT INTO new VALUES (4, 'after')")
    capture.transaction(
        "ALTER TABLE red RENAME TO purple",
        "ALTER TABLE blue RENAME TO red",
        "ALTER TABLE purple RENAME TO blue",
        "INSERT INTO red VALUES (4, 'was blue')",
    )
    capture.transaction(
        "DROP TABLE shop",
        "ALTER TABLE shop_new RENAME TO shop",
        "INSERT INTO shop VALUES (4, 'after')",
    )

    def are_named() -> bool:
        streaming = {table.target for table in capture.tables() if table.state == "streaming"}
        return streaming == {"new", "red", "blue", "shop"}

    wait_until(are_named, 20, "the new names")
    capture.settle()
    assert names(capture, "new") == ["old 1", "old 2", "old 3", "after"]
    assert names(capture, "red") == ["blue 1", "blue 2", "blue 3", "was blue"]
    assert names(capture, "blue") == ["red 1", "red 2", "red 3"]
    assert names(capture, "shop")[-1] == "after"
    capture.assert_equal("new", "red", "blue", "shop")
    after = {table.oid: table.storage_mark for table in capture.tables()}
    assert all(before[oid] == mark for oid, mark in after.items()), "renaming reads nothing"
    views = capture.rows(
        f"SELECT name FROM system.tables WHERE database = '{capture.options.target_database}'"
    )
    assert sorted(name for (name,) in views) == ["blue", "new", "red", "shop"]


def test_tables_of_a_schema_come_go_and_come_again_without_a_restart(capture: Capture) -> None:
    capture.sql(
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.first (id int PRIMARY KEY, name text)",
        "CREATE PUBLICATION cases FOR TABLES IN SCHEMA sales",
    )
    follow(capture, "sales__first")
    capture.sql(
        "CREATE TABLE sales.second (id int PRIMARY KEY, name text)",
        "INSERT INTO sales.second SELECT n, 'n' FROM generate_series(1, 1000) n",
    )
    oid = capture.wait_state("sales__second", "streaming").oid
    capture.settle()
    capture.assert_equal("sales__first", "sales__second")
    capture.sql(
        "DROP TABLE sales.second",
        "CREATE TABLE sales.second (id bigint PRIMARY KEY, label text)",
        "INSERT INTO sales.second VALUES (1, 'made again')",
    )
    wait_until(lambda: oid not in {table.oid for table in capture.tables()}, 20, "made again")
    capture.wait_state("sales__second", "streaming")
    capture.settle()
    capture.assert_equal("sales__first", "sales__second")
    assert capture.rows("SELECT label FROM oltp.sales__second") == [("made again",)]
    assert len(capture.tables()) == 2, "the table that had the name is forgotten"
    capture.sql("DROP TABLE sales.first")
    capture.wait_state("sales__first", "removed")


def test_two_tables_that_would_be_called_the_same_are_told_apart(capture: Capture) -> None:
    make(capture, "sales__item")
    capture.publish("sales__item")
    follow(capture, "sales__item")
    capture.sql("CREATE SCHEMA sales")
    make(capture, "sales.item", rows=5)
    capture.sql("ALTER PUBLICATION cases ADD TABLE sales.item")
    capture.transaction("INSERT INTO sales.item VALUES (6, 'live')")
    oid = capture.source_value("SELECT 'sales.item'::regclass::oid::int")
    second = f"sales__item__{oid}"
    capture.wait_state(second, "streaming")
    capture.sql("INSERT INTO sales__item VALUES (4, 'live')")
    capture.settle()
    assert len(names(capture, "sales__item")) == 4
    assert len(names(capture, second)) == 6
    capture.assert_equal("sales__item", second)
    code, printed = command(capture, "doctor")
    assert code == 0
    assert "Another published table is called the same" in printed
    capture.stop()
    follow(capture, "sales__item", second)
    capture.sql("DROP TABLE sales__item")
    wait_until(
        lambda: {table.target for table in capture.tables()} == {"sales__item"}, 20, "the free name"
    )
    capture.settle()
    assert len(names(capture, "sales__item")) == 6, "the name that is free again is taken"
    capture.assert_equal("sales__item")


def test_a_table_put_aside_for_want_of_a_key_says_when_it_has_one(capture: Capture) -> None:
    make(capture, "keyed")
    capture.sql("CREATE TABLE heap (id int, name text)", "INSERT INTO heap VALUES (1, 'one')")
    capture.publish("keyed", "heap")
    follow(capture, "keyed")
    assert "add a primary key" in capture.wait_state("heap", "quarantined").reason
    code, printed = command(capture, "verify", "--json")
    told = {table["table"]: table for table in json.loads(printed)}
    assert (code, told["keyed"]["is_equal"], told["heap"]["is_equal"]) == (1, True, None)
    assert "not compared: quarantined" in told["heap"]["problem"]
    capture.sql("ALTER TABLE heap ADD PRIMARY KEY (id)")
    wait_until(
        lambda: "has one now (id). Way out: interview-data" in capture.table("heap").reason, 20,
        "the offer",
    )  # fmt: skip
    assert command(capture, "resync", "heap")[0] == 0
    capture.settle()
    capture.assert_equal("keyed", "heap")


def test_a_table_that_is_locked_at_the_source_holds_back_nobody(capture: Capture) -> None:
    make(capture, "free", "held")
    capture.publish("free", "held")
    follow(capture, "free", "held")
    with locked(capture, "held"):
        request = ask(capture.options, "held", "resync")
        wait_until(lambda: capture.table("held").is_waiting, 20, "held is waiting")
        make(capture, "later")
        capture.sql("ALTER PUBLICATION cases ADD TABLE later", "INSERT INTO free VALUES (4, 'on')")
        capture.wait_state("later", "streaming")
        wait_until(lambda: names(capture, "free")[-1] == "on", 20, "free goes on")
        assert names(capture, "held") == ["held 1", "held 2", "held 3"]
        assert "no other session holds it" in capture.table("held").reason
    wait_until_done(capture.options, request, 20)
    capture.settle()
    capture.assert_equal("free", "held", "later")


def test_a_table_altered_while_it_is_read_is_read_from_its_start_by_itself(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.cdc.snapshot.CHUNK_BYTES", 8192)
    make(capture, "large", "rewritten", rows=20_000)
    capture.publish("large", "rewritten")
    capture.start()
    for name, alter in (
        ("large", "ALTER TABLE large RENAME COLUMN name TO title"),
        ("rewritten", "ALTER TABLE rewritten ALTER name TYPE text USING name || '!'"),
    ):
        wait_until(
            lambda name=name: any(  # type: ignore[misc]
                it.target == name and it.snapshot_next_block > 2 for it in capture.tables()
            ),
            20,
            "reading",
        )
        capture.sql(alter, f"INSERT INTO {name} VALUES (30000, 'after')")
        capture.wait_state(name, "streaming")
    capture.settle()
    capture.assert_equal("large", "rewritten")
    assert capture.table("large").restart_count == 1


def test_what_the_former_reading_finds_while_the_new_one_is_prepared_restarts_nothing(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(capture, "rewritten")
    capture.publish("rewritten")
    follow(capture, "rewritten")
    measured = Tables._measured

    def found_meanwhile(self: Tables, oid: int) -> object:
        try:
            return measured(self, oid)
        finally:
            table = self.find(oid)
            if table is not None and table.restart_count == 1:
                table.restart_reason = "its rows were written anew while it was being read"

    monkeypatch.setattr(Tables, "_measured", found_meanwhile)
    capture.sql("ALTER TABLE rewritten ALTER name TYPE text USING name || '!'")
    wait_until(lambda: capture.table("rewritten").restart_count > 0)
    capture.wait_state("rewritten", "streaming")
    capture.settle()
    capture.assert_equal("rewritten")
    assert capture.table("rewritten").restart_count == 1


def test_a_table_that_is_never_the_same_twice_is_quarantined_at_last(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.cdc.registry.MOST_RESTARTS", 2)
    make(capture, "restless", "calm")
    capture.publish("restless", "calm")
    follow(capture, "restless", "calm")
    deadline = time.monotonic() + 40
    while capture.table("restless").state != "quarantined":
        assert time.monotonic() < deadline
        mark = capture.table("restless").storage_mark
        capture.sql("ALTER TABLE restless ALTER name TYPE text USING name || '.'")
        wait_until(
            lambda mark=mark: (  # type: ignore[misc]
                capture.table("restless").storage_mark != mark
                or capture.table("restless").state == "quarantined"
            )
        )
    reason = capture.table("restless").reason
    assert "read anew 2 times" in reason
    assert "cdc resync restless" in reason
    wait_until_done(capture.options, ask(capture.options, "restless", "resync"), 20)
    capture.settle()
    capture.assert_equal("restless", "calm")


def test_states_that_an_older_version_kept_are_read(capture: Capture) -> None:
    make(capture, "items")
    capture.publish("items")
    capture.settle()
    for column in ("source_form", "is_waiting", "snapshot_leaves", "restarted_at", "is_doubtful"):
        capture.clickhouse.command(f"ALTER TABLE capture.tables DROP COLUMN {column}")
    capture.clickhouse.command("ALTER TABLE capture.requests DROP COLUMN outcome")
    StateStore(capture.clickhouse, capture.options.slot).prepare()
    capture.sql("INSERT INTO items VALUES (4, 'after')", "ALTER TABLE items ADD COLUMN n int")
    capture.settle()
    capture.settle()
    capture.assert_equal("items")
    assert capture.table("items").source_form
