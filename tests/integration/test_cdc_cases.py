"""What must hold between a change in PostgreSQL and what a reader of ClickHouse sees.

The check is the same everywhere: wait until capture has passed the last change, then compare
every row and every column.
"""

import json
import threading
import time

import pytest
from fix_capture import Capture
from fix_stack import wait_until

from ingestion.cdc.capture import Session
from ingestion.cdc.control import ask_for_resync
from ingestion.cdc.run import drain
from ingestion.cdc.source import SlotBusy
from ingestion.cdc.state import DATABASE, StateStore
from stores.errors import CaptureStopped
from stores.postgres.client import connect

ITEMS = "CREATE TABLE items (id int PRIMARY KEY, name text, score int)"


@pytest.fixture
def items(capture: Capture) -> Capture:
    """Three rows from before the log, followed."""
    capture.sql(ITEMS, "INSERT INTO items SELECT n, 'item ' || n, n FROM generate_series(1, 3) n")
    capture.publish("items")
    capture.start()
    capture.wait_state("items", "streaming")
    return capture


def test_the_last_of_several_changes_of_one_key_in_a_transaction_wins(items: Capture) -> None:
    items.transaction(
        "INSERT INTO items VALUES (10, 'a', 1)",
        "UPDATE items SET name = 'b' WHERE id = 10",
        "DELETE FROM items WHERE id = 10",
        "INSERT INTO items VALUES (10, 'c', 2)",
        "UPDATE items SET name = 'twice' WHERE id = 1",
        "DELETE FROM items WHERE id = 2",
    )
    items.settle()
    assert items.rows("SELECT * FROM oltp.items ORDER BY id") == [
        (1, "twice", 1),
        (3, "item 3", 3),
        (10, "c", 2),
    ]
    items.assert_equal()


def test_rows_of_one_copy_are_told_apart_though_they_share_a_position(items: Capture) -> None:
    with connect(items.options.source_url) as connection:
        with connection.cursor().copy("COPY items FROM STDIN") as copy:
            for number in range(100, 5100):
                copy.write_row((number, f"copied {number}", 0))
        connection.execute("UPDATE items SET score = id WHERE id % 7 = 0")
    items.settle()
    items.assert_equal()
    assert items.rows("SELECT count() FROM oltp.items") == [(5003,)]


def test_what_is_rolled_back_never_arrives(items: Capture) -> None:
    items.transaction(
        "INSERT INTO items VALUES (20, 'kept', 0)",
        "SAVEPOINT one",
        "INSERT INTO items VALUES (21, 'undone', 0)",
        "UPDATE items SET name = 'undone' WHERE id = 1",
        "ROLLBACK TO SAVEPOINT one",
        "INSERT INTO items VALUES (22, 'kept too', 0)",
    )
    items.transaction("INSERT INTO items VALUES (23, 'undone', 0)", "ROLLBACK")
    items.settle()
    assert items.rows("SELECT count() FROM oltp_log.items WHERE name LIKE '%undone%'") == [(0,)]
    items.assert_equal()


def test_all_rows_deleted_and_the_same_keys_inserted_again(items: Capture) -> None:
    again = "INSERT INTO items SELECT n, 'again', 0 FROM generate_series(1, 3) n"
    items.transaction("DELETE FROM items", again)
    items.settle()
    items.assert_equal()
    items.sql("DELETE FROM items", again)
    items.settle()
    items.assert_equal()
    assert items.rows("SELECT count() FROM oltp.items") == [(3,)]


def test_after_a_truncate_only_later_rows_remain(items: Capture) -> None:
    items.sql("CREATE TABLE parts (id int PRIMARY KEY, item int REFERENCES items(id))")
    items.sql("INSERT INTO parts VALUES (1, 1)", "ALTER PUBLICATION cases ADD TABLE parts")
    items.wait_state("parts", "streaming")
    items.transaction(
        "INSERT INTO items VALUES (5, 'before', 0)",
        "TRUNCATE items CASCADE",
        "INSERT INTO items VALUES (1, 'after', 0), (6, 'after', 0)",
    )
    items.settle()
    assert items.rows("SELECT id, name FROM oltp.items ORDER BY id") == [(1, "after"), (6, "after")]
    items.assert_equal("items", "parts")
    items.sql("TRUNCATE items, parts")
    items.settle()
    items.assert_equal("items", "parts")


def test_changed_keys_leave_no_ghost_and_swapped_keys_keep_both_rows(capture: Capture) -> None:
    capture.sql(
        "CREATE TABLE moved (id int PRIMARY KEY, name text)",
        "CREATE TABLE swapped (id int PRIMARY KEY DEFERRABLE, name text)",
        "ALTER TABLE swapped REPLICA IDENTITY FULL",
        "INSERT INTO moved VALUES (1, 'one'), (2, 'two'), (3, 'three')",
        "INSERT INTO swapped VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    )
    capture.publish("moved", "swapped")
    capture.settle()
    capture.sql("UPDATE moved SET id = 10 WHERE id = 1", "UPDATE moved SET id = id + 100")
    capture.transaction(
        "UPDATE moved SET id = -1 WHERE id = 102",
        "UPDATE moved SET id = 102 WHERE id = 103",
        "UPDATE moved SET id = 103 WHERE id = -1",
    )
    capture.sql("UPDATE swapped SET id = id % 3 + 1")
    capture.settle()
    assert capture.rows("SELECT * FROM oltp.swapped ORDER BY id") == [
        (1, "three"),
        (2, "one"),
        (3, "two"),
    ]
    capture.assert_equal("moved", "swapped")


@pytest.mark.parametrize("identity", ["DEFAULT", "FULL"])
def test_half_of_a_composite_key_is_replaced_in_one_transaction(
    capture: Capture, identity: str
) -> None:
    capture.sql(
        "CREATE TABLE grants (a int, b int, note text, PRIMARY KEY (a, b))",
        f"ALTER TABLE grants REPLICA IDENTITY {identity}",
        "INSERT INTO grants VALUES (1, 1, 'x'), (1, 2, 'y'), (2, 1, 'z')",
    )
    capture.publish("grants")
    capture.settle()
    capture.transaction("DELETE FROM grants WHERE a = 1", "INSERT INTO grants VALUES (1, 3, 'x')")
    capture.sql("UPDATE grants SET b = 7 WHERE a = 2")
    capture.settle()
    assert capture.rows("SELECT * FROM oltp.grants ORDER BY a, b") == [(1, 3, "x"), (2, 7, "z")]
    capture.assert_equal()


@pytest.mark.parametrize("identity", ["DEFAULT", "FULL"])
def test_a_large_text_stays_when_only_the_score_is_updated(capture: Capture, identity: str) -> None:
    noise = "(SELECT string_agg(md5(n::text || random()), '') FROM generate_series(1, 700) n)"
    capture.sql(
        "CREATE TABLE talks (id int PRIMARY KEY, score float8, said text, tags text[], raw bytea)",
        "ALTER TABLE talks ALTER said SET STORAGE EXTERNAL, ALTER tags SET STORAGE EXTERNAL",
        f"ALTER TABLE talks REPLICA IDENTITY {identity}",
        f"INSERT INTO talks SELECT i, i, {noise}, ARRAY[{noise}, 'a \"b\\', NULL], {noise}::bytea"
        " FROM generate_series(1, 4) i",
    )
    capture.publish("talks")
    capture.settle()
    capture.sql("UPDATE talks SET score = 100 WHERE id = 1")
    capture.transaction(
        f"INSERT INTO talks SELECT 5, 5, {noise}, ARRAY[{noise}], {noise}::bytea",
        "UPDATE talks SET score = 6 WHERE id = 5",
        "UPDATE talks SET id = 50, score = 7 WHERE id = 5",
        "UPDATE talks SET score = 8 WHERE id = 50",
    )
    capture.settle()
    capture.sql("UPDATE talks SET id = 20 WHERE id = 2", "UPDATE talks SET score = -1")
    capture.sql(
        "UPDATE talks SET score = 3 WHERE id = 3",
        f"UPDATE talks SET said = {noise} WHERE id = 3",
        "UPDATE talks SET score = 4 WHERE id = 3",
        "UPDATE talks SET score = 5 WHERE id = 4",
        "DELETE FROM talks WHERE id = 4",
    )
    capture.settle()
    capture.assert_equal()
    assert capture.rows("SELECT min(length(said)) > 20000, count() FROM oltp.talks") == [(True, 4)]


def test_a_repeated_run_stores_nothing_twice(items: Capture) -> None:
    items.sql("UPDATE items SET score = score + 1")
    items.settle()
    items.stop()
    before = items.rows("SELECT count(), max(_version) FROM oltp_log.items")
    # As if ClickHouse had taken the rows and capture had died before it noted that.
    items.clickhouse.command(
        f"DELETE FROM {DATABASE}.batches WHERE slot = '{items.options.slot}' AND end_lsn >"
        f" (SELECT max(consistent_point) FROM {DATABASE}.sources"
        f" WHERE slot = '{items.options.slot}')"
    )
    point = items.rows(
        f"SELECT consistent_point FROM {DATABASE}.sources WHERE slot = '{items.options.slot}'"
    )
    assert point
    with pytest.raises(CaptureStopped, match="ClickHouse holds changes only up to"):
        items.settle()
    assert items.rows("SELECT count(), max(_version) FROM oltp_log.items") == before


def test_a_table_added_while_capture_runs_is_read_and_followed(items: Capture) -> None:
    items.sql(
        "CREATE TABLE later (id int PRIMARY KEY, name text)",
        "INSERT INTO later SELECT n, 'n' || n FROM generate_series(1, 1000) n",
        "ALTER PUBLICATION cases ADD TABLE later",
        "INSERT INTO later VALUES (5000, 'in the stream')",
        "UPDATE later SET name = 'changed' WHERE id = 1",
    )
    items.wait_state("later", "streaming")
    items.sql("DELETE FROM later WHERE id = 2", "UPDATE items SET score = 0")
    items.settle()
    items.assert_equal("items", "later")


def test_readers_never_see_a_table_half_empty_while_it_is_added_or_read_anew(
    items: Capture,
) -> None:
    items.sql(
        "CREATE TABLE wide (id int PRIMARY KEY, name text)",
        "INSERT INTO wide SELECT n, repeat('x', 300) FROM generate_series(1, 30000) n",
    )
    seen, others = set(), []
    items.sql("ALTER PUBLICATION cases ADD TABLE wide")

    def look(state: str) -> bool:
        exists = items.rows("EXISTS TABLE oltp.wide") == [(1,)]
        seen.add(items.rows("SELECT count() FROM oltp.wide")[0][0] if exists else None)
        items.sql(f"INSERT INTO items VALUES ({1000 + len(others)}, 'flows on', 0)")
        others.append(items.rows("SELECT count() FROM oltp.items")[0][0])
        store = StateStore(items.clickhouse, items.options.slot)
        return any(t.target == "wide" and t.state == state for t in store.tables())

    wait_until(lambda: look("streaming"), 30, "wide is read")
    assert seen <= {None, 30000}
    seen.clear()
    ask_for_resync(items.options, "wide")
    wait_until(lambda: look("resyncing"), 30, "wide is read anew")
    wait_until(lambda: look("streaming"), 30, "wide is read anew")
    assert seen == {30000}
    assert others[-1] > others[0], "the other table went on meanwhile"
    items.settle()
    items.assert_equal("items", "wide")


@pytest.mark.parametrize("identity", ["FULL", "NOTHING"])
def test_a_table_whose_rows_cannot_be_told_apart_is_refused_whatever_its_identity(
    items: Capture, identity: str
) -> None:
    items.sql(
        "CREATE TABLE heap (a int)",
        f"ALTER TABLE heap REPLICA IDENTITY {identity}",
        "INSERT INTO heap VALUES (1), (1)",
        "ALTER PUBLICATION cases ADD TABLE heap",
    )
    assert "key" in items.wait_state("heap", "quarantined").reason
    assert items.rows("EXISTS TABLE oltp.heap") == [(0,)]
    items.sql("INSERT INTO heap VALUES (2)", "UPDATE items SET score = 9")
    items.settle()
    items.assert_equal("items")


def test_a_table_without_a_key_is_refused_with_the_remedy_and_the_others_flow(
    items: Capture,
) -> None:
    items.sql("CREATE TABLE heap (a int)", "ALTER PUBLICATION cases ADD TABLE heap")
    assert "add a primary key" in items.wait_state("heap", "quarantined").reason
    items.sql("INSERT INTO heap VALUES (1)", "UPDATE items SET score = 9")
    items.settle()
    items.assert_equal("items")


def test_columns_added_dropped_renamed_and_widened_converge(items: Capture) -> None:
    items.sql(
        "ALTER TABLE items ADD COLUMN level int NOT NULL DEFAULT 7",
        "UPDATE items SET name = 'x' WHERE id = 1",
        "ALTER TABLE items RENAME COLUMN name TO title",
        "INSERT INTO items VALUES (30, 'new', 1, 2)",
        "ALTER TABLE items ALTER COLUMN score TYPE bigint",
        "INSERT INTO items VALUES (31, 'new', 5000000000, 2)",
        "ALTER TABLE items DROP COLUMN level",
        "ALTER TABLE items ADD COLUMN level text, ADD COLUMN born timestamptz DEFAULT '2020-01-01'",
        "INSERT INTO items VALUES (32, 'newest', 1, 'high')",
        "ALTER TABLE items ALTER COLUMN title SET NOT NULL",
        "ALTER TABLE items ALTER COLUMN title DROP NOT NULL",
        "INSERT INTO items VALUES (33, NULL, 1, 'low')",
    )
    items.settle()
    items.assert_equal()
    columns = items.rows(
        "SELECT name, type FROM system.columns WHERE table = 'items'"
        f" AND database = '{items.options.target_database}' ORDER BY position"
    )
    assert dict(columns) == {
        "id": "Int32",
        "title": "Nullable(String)",
        "score": "Nullable(Int64)",
        "level": "Nullable(String)",
        "born": "Nullable(DateTime64(6, 'UTC'))",
    }


def test_a_narrowing_change_quarantines_its_table_and_a_resync_brings_it_back(
    items: Capture,
) -> None:
    items.sql(
        "CREATE TABLE other (id int PRIMARY KEY)",
        "ALTER PUBLICATION cases ADD TABLE other",
    )
    items.wait_state("other", "streaming")
    items.sql(
        "ALTER TABLE items ALTER COLUMN name TYPE int USING id",
        "UPDATE items SET name = 5",
        "INSERT INTO other VALUES (1)",
    )
    assert "cdc resync items" in items.wait_state("items", "quarantined").reason
    items.settle()
    items.assert_equal("other")
    assert items.rows("SELECT count() FROM oltp.items") == [(3,)], "readers keep the old rows"

    ask_for_resync(items.options, "items")
    items.wait_state("items", "streaming")
    items.sql("UPDATE items SET name = name + id")
    items.settle()
    items.assert_equal("items", "other")


def test_a_table_read_anew_while_the_log_still_tells_of_its_older_form(items: Capture) -> None:
    items.stop()
    items.sql(
        "UPDATE items SET score = 50",
        "INSERT INTO items VALUES (40, 'old form', 1)",
        "ALTER TABLE items ADD COLUMN extra int NOT NULL DEFAULT 5",
        "INSERT INTO items VALUES (41, 'middle form', 1, 6)",
        "ALTER TABLE items RENAME COLUMN name TO title",
        "ALTER TABLE items DROP COLUMN score",
        "INSERT INTO items VALUES (42, 'new form', 7)",
        "DELETE FROM items WHERE id = 40",
    )
    ask_for_resync(items.options, "items")
    items.settle()
    items.assert_equal()


def test_a_table_that_left_the_publication_keeps_its_rows_and_may_come_back(
    items: Capture,
) -> None:
    items.sql("CREATE TABLE other (id int PRIMARY KEY)", "ALTER PUBLICATION cases ADD TABLE other")
    items.wait_state("other", "streaming")
    items.sql("ALTER PUBLICATION cases DROP TABLE items")
    items.wait_state("items", "removed")
    items.sql("DELETE FROM items WHERE id = 1")
    assert items.rows("SELECT count() FROM oltp.items") == [(3,)]
    items.sql("ALTER PUBLICATION cases ADD TABLE items")
    items.wait_state("items", "streaming")
    items.settle()
    items.assert_equal("items", "other")


def test_nulls_from_before_a_column_became_not_null_are_kept(items: Capture) -> None:
    items.stop()
    items.sql(
        "CREATE TABLE strict (id int PRIMARY KEY, note text)",
        "ALTER PUBLICATION cases ADD TABLE strict",
        "INSERT INTO strict VALUES (1, NULL)",
        "UPDATE strict SET note = 'now'",
        "ALTER TABLE strict ALTER note SET NOT NULL",
    )
    items.start()
    items.wait_state("strict", "streaming")
    items.settle()
    items.assert_equal("strict")


def test_a_lost_slot_stops_loudly_and_a_resync_of_all_recovers(items: Capture) -> None:
    items.stop()
    items.sql(f"SELECT pg_drop_replication_slot('{items.options.slot}')")
    items.sql("UPDATE items SET score = 77")
    with pytest.raises(CaptureStopped, match="cdc resync --all"):
        items.settle()

    ask_for_resync(items.options, "*")
    items.settle()
    items.assert_equal()


def test_a_slot_that_was_made_anew_is_not_taken_for_the_old_one(items: Capture) -> None:
    items.stop()
    slot = items.options.slot
    items.sql(
        f"SELECT pg_drop_replication_slot('{slot}')",
        "UPDATE items SET score = 78",
        f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')",
    )
    with pytest.raises(CaptureStopped, match="made anew"):
        items.settle()


def test_only_one_capture_reads_a_slot_and_a_drain_waits_for_it(items: Capture) -> None:
    items.sql("UPDATE items SET score = 5")
    assert drain(20, items.options).was_following
    assert items.rows("SELECT DISTINCT score FROM oltp.items") == [(5,)]
    with pytest.raises(SlotBusy, match="another capture"):
        Session(items.options, threading.Event()).open()


def test_an_idle_database_lets_the_log_go(items: Capture) -> None:
    def confirmed() -> str:
        with connect(items.options.source_url) as connection:
            row = connection.execute(
                "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = %s",
                [items.options.slot],
            ).fetchone()
        return str(row[0]) if row else ""

    before = confirmed()
    items.sql("CREATE TABLE not_captured AS SELECT generate_series(1, 1000) AS n")
    wait_until(lambda: confirmed() != before, 10, "the slot moves on")


def test_a_change_is_visible_well_within_a_second(items: Capture) -> None:
    delays = []
    for number in range(5):
        items.sql(f"INSERT INTO items VALUES ({1000 + number}, 'fast', 0)")
        started = time.monotonic()
        query = f"SELECT count() FROM oltp.items WHERE id = {1000 + number}"
        wait_until(lambda query=query: items.rows(query)[0][0], 5, "the change is visible")
        delays.append(time.monotonic() - started)
    assert sorted(delays)[2] < 1.0, json.dumps(delays)
