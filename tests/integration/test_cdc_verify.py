"""The proof that ClickHouse holds what PostgreSQL holds, while both are being written."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fix_capture import Capture
from fix_stack import wait_until

from ingestion.cdc.verify import history, verify
from stores.errors import InputInvalid, StoreUnavailable
from stores.postgres.client import connect

ITEMS = "CREATE TABLE items (id int, part text, score float8, PRIMARY KEY (id, part))"
WIDE = ", ".join(f"c{number} int DEFAULT {number}" for number in range(150))


@contextmanager
def _written(capture: Capture) -> Iterator[list[int]]:
    """Every row of `items` changed, deleted and made again, all the time; how often so far."""
    stop, rounds = threading.Event(), [0]

    def write() -> None:
        with connect(capture.options.source_url, autocommit=True) as connection:
            while not stop.is_set():
                first = rounds[0] * 37 % 2000
                span = [first, first + 50]
                connection.execute("UPDATE items SET score = random() WHERE id % 7 = 3")
                connection.execute("DELETE FROM items WHERE id BETWEEN %s AND %s", span)
                connection.execute(
                    "INSERT INTO items SELECT n, 'again', n FROM generate_series(%s::int, %s) n"
                    " ON CONFLICT DO NOTHING",
                    span,
                )
                rounds[0] += 1

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield rounds
    finally:
        stop.set()
        thread.join(10)


@pytest.fixture
def items(capture: Capture) -> Capture:
    """Two thousand rows, some published by a filter, and a wide table; followed."""
    capture.sql(
        ITEMS,
        "INSERT INTO items SELECT n, 'one''s %s ' || n, n / 3.0 FROM generate_series(1, 2000) n",
        f"CREATE TABLE wide (id int PRIMARY KEY, \"50%\" text DEFAULT '%s', {WIDE})",
        "INSERT INTO wide SELECT n FROM generate_series(1, 20) n",
        "CREATE TABLE adults (id int PRIMARY KEY, age int)",
        "ALTER TABLE adults REPLICA IDENTITY FULL",
        "INSERT INTO adults SELECT n, n FROM generate_series(1, 40) n",
        "CREATE PUBLICATION cases FOR TABLE items, wide, adults WHERE (age >= 18)",
    )
    capture.start()
    for table in ("items", "wide", "adults"):
        capture.wait_state(table, "streaming")
    return capture


def test_tables_are_equal_at_one_position_while_they_are_written_all_the_time(
    items: Capture,
) -> None:
    with _written(items) as rounds:
        wait_until(lambda: rounds[0] > 5, 10, "rows are being written")
        before, changed = rounds[0], 0
        for _ in range(3):
            found = {table.table: table for table in verify(items.options, 30)}
            assert set(found) == {"items", "wide", "adults"}
            for table in found.values():
                assert table.is_equal, table
            assert len({table.lsn for table in found.values()}) == 1
            assert found["wide"].source_count == 20
            assert found["adults"].source_count == 23
            changed += found["items"].changed_since_count
        assert rounds[0] > before
    assert changed > 0
    past = history(items.options, "items")
    assert len(past) == 3
    assert all(one.is_equal for one in past)
    assert past[0].verified_at > past[1].verified_at


def test_rows_that_differ_are_told_one_by_one(items: Capture) -> None:
    items.settle()
    log = f"{items.options.target_database}_log"
    items.clickhouse.command(
        f"ALTER TABLE {log}.items DELETE WHERE id = 5", settings={"mutations_sync": 2}
    )
    items.clickhouse.command(
        f"ALTER TABLE {log}.items UPDATE score = -1 WHERE id = 6", settings={"mutations_sync": 2}
    )
    items.clickhouse.command(
        f"INSERT INTO {log}.items (id, part, score, _version) VALUES (9999, 'ghost', 1, 1)"
    )
    found = {table.table: table for table in verify(items.options, 30)}
    assert found["wide"].is_equal
    assert not found["items"].is_equal
    assert found["items"].differing_count == 3
    assert {(row.key[0], row.problem) for row in found["items"].differing} == {
        ("5", "missing in ClickHouse"),
        ("6", "another value"),
        ("9999", "not in PostgreSQL"),
    }
    assert "ghost" not in repr(found["items"]), "keys may be personal: only who asks sees them"
    assert [one.is_equal for one in history(items.options, "items")] == [False]


def test_one_table_can_be_asked_for_by_name(items: Capture) -> None:
    assert [table.table for table in verify(items.options, 30, ["wide"])] == ["wide"]
    with pytest.raises(InputInvalid, match="there is no nothing"):
        verify(items.options, 30, ["nothing"])


def test_without_a_running_capture_what_has_been_committed_is_captured_first(
    items: Capture,
) -> None:
    items.stop()
    items.sql("UPDATE items SET score = 77")
    found = {table.table: table for table in verify(items.options, 30)}
    assert found["items"].is_equal
    assert items.rows("SELECT DISTINCT score FROM oltp.items") == [(77.0,)]


def test_a_comparison_locks_nobody_out_and_says_what_keeps_it_waiting(items: Capture) -> None:
    with connect(items.options.source_url) as connection:
        connection.execute("UPDATE items SET score = 0 WHERE id = 1")
        with pytest.raises(StoreUnavailable, match="transactions open for more than"):
            verify(items.options, 1.0)
        connection.rollback()
    with connect(items.options.source_url) as connection:
        connection.execute("SELECT count(*) FROM items")
        # A reader alone holds nothing up.
        assert all(table.is_equal for table in verify(items.options, 30))
    with connect(items.options.source_url) as connection:
        left = connection.execute(
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'verify%'"
        ).fetchone()
    assert left == (0,)
