"""What becomes of a captured table when its source is altered while capture runs."""

import threading
import time

import pytest
from fix_capture import Capture
from fix_stack import wait_until

from stores.postgres.client import connect


def source_columns(capture: Capture, table: str) -> list[str]:
    with connect(capture.options.source_url) as connection:
        rows = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum",
            [table],
        ).fetchall()
    return [name for (name,) in rows]


def target_columns(capture: Capture, table: str) -> list[str]:
    rows = capture.rows(
        f"SELECT name FROM system.columns WHERE table = '{table}'"
        f" AND database = '{capture.options.target_database}' ORDER BY position"
    )
    return [name for (name,) in rows]


def wait_converged(capture: Capture, *tables: str, seconds: float = 40) -> None:
    """Until these tables stream with the source's columns and every row and column is equal.

    Nothing is written meanwhile: a change that no row follows must arrive all the same.
    """

    missing: list[str] = []

    def is_equal() -> bool:
        capture.settle()
        found = capture.verify()
        missing[:] = [
            f"{name}: {found.get(name)}"
            for name in tables
            if name not in found
            or not found[name].is_equal
            or source_columns(capture, name) != target_columns(capture, name)
        ]
        return not missing

    deadline = time.monotonic() + seconds
    while not is_equal():
        reasons = {table.target: table.reason for table in capture.tables() if table.reason}
        assert time.monotonic() < deadline, f"{missing} {reasons}"


def make(capture: Capture, **columns: str) -> None:
    """Tables of an id, these columns and three rows, captured."""
    for name, form in columns.items():
        capture.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, {form})")
        capture.sql(f"INSERT INTO {name} (id) SELECT generate_series(1, 3)")
    capture.publish(*columns)
    capture.start()
    for name in columns:
        capture.wait_state(name, "streaming")


def marks(capture: Capture, *tables: str) -> dict[str, str]:
    """What changes when a table is read anew."""
    return {name: capture.table(name).storage_mark for name in tables}


def test_changes_that_keep_every_value_are_followed_without_reading_anew(capture: Capture) -> None:
    """Each is followed though no row of its table is written after it."""
    make(
        capture,
        added="a int DEFAULT 1",
        dropped="a int DEFAULT 1, b int DEFAULT 2",
        renamed="a timestamptz DEFAULT 'infinity'",
        wider="a int DEFAULT 1, b smallint DEFAULT 2, c real DEFAULT 0.1",
        longer="a varchar(5) DEFAULT 'abc', b varchar(5) DEFAULT 'abc', c numeric(10,2) DEFAULT 1",
        finer="a timestamp(0) DEFAULT '2020-01-01'",
        loose="a int NOT NULL DEFAULT 1",
    )
    tables = list(
        marks(capture, "added", "dropped", "renamed", "wider", "longer", "finer", "loose")
    )
    before = marks(capture, *tables)
    capture.sql(
        "ALTER TABLE added ADD COLUMN n int NOT NULL DEFAULT 7, ADD COLUMN t text DEFAULT 'it''s',"
        " ADD COLUMN d numeric(8,3) DEFAULT 1.5, ADD COLUMN w timestamptz DEFAULT now(),"
        " ADD COLUMN nothing text",
        "ALTER TABLE dropped DROP COLUMN a",
        "ALTER TABLE renamed RENAME COLUMN a TO at",
        "ALTER TABLE wider ALTER a TYPE bigint, ALTER b TYPE int, ALTER c TYPE float8",
        "ALTER TABLE longer ALTER a TYPE varchar(9), ALTER b TYPE text, ALTER c TYPE numeric(12,2)",
        "ALTER TABLE finer ALTER a TYPE timestamp(6)",
        "ALTER TABLE loose ALTER a DROP NOT NULL",
    )
    wait_converged(capture, *tables)
    for name in tables:
        capture.sql(
            f"INSERT INTO {name} (id) VALUES (10)", f"UPDATE {name} SET id = 11 WHERE id = 1"
        )
    capture.sql(
        "UPDATE wider SET a = 5000000000 WHERE id = 2",
        "UPDATE longer SET a = 'abcdefgh', c = 9999999999.5 WHERE id = 2",
        "UPDATE finer SET a = '2020-01-01 00:00:00.123456' WHERE id = 2",
        "UPDATE loose SET a = NULL WHERE id = 2",
    )
    wait_converged(capture, *tables)
    assert marks(capture, *tables) == before


def test_what_the_log_does_not_tell_is_read_anew_by_itself(capture: Capture) -> None:
    capture.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    make(
        capture,
        volatile="a int DEFAULT 1",
        expression="a int DEFAULT 3, b varchar(20) DEFAULT 'x'",
        retyped="a int DEFAULT 3, b timestamp DEFAULT '2020-01-01'",
        wide_key="a int DEFAULT 3",
        named_key="a int DEFAULT 3",
        other_key="a int GENERATED ALWAYS AS IDENTITY",
        replaced="a int DEFAULT 3",
        moods="a mood DEFAULT 'ok'",
        listed="a int DEFAULT 3, b int DEFAULT 4",
        filtered="a int DEFAULT 3",
        widened="a int DEFAULT 3",
        bystander="a int DEFAULT 3",
    )
    tables = [table.target for table in capture.tables() if table.target != "bystander"]
    before = marks(capture, *tables, "bystander")
    capture.sql(
        "ALTER TABLE volatile ADD COLUMN made uuid DEFAULT gen_random_uuid(),"
        " ADD COLUMN number int GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE expression ALTER a TYPE int USING a * 2 + id",
        "ALTER TABLE retyped ALTER a TYPE text USING 'n' || a, ALTER b TYPE timestamptz",
        "ALTER TABLE wide_key ALTER id TYPE bigint",
        "ALTER TABLE named_key RENAME id TO number",
        "ALTER TABLE other_key DROP CONSTRAINT other_key_pkey, ADD PRIMARY KEY (a)",
        "ALTER TABLE replaced DROP COLUMN a, ADD COLUMN a int",
        "ALTER TYPE mood ADD VALUE 'happy'",
        "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
        "ALTER PUBLICATION cases SET TABLE volatile, expression, retyped, wide_key, named_key,"
        " other_key, replaced, moods, listed (id, b), filtered WHERE (id > 1), widened, bystander",
        "ALTER TABLE widened ALTER a TYPE bigint USING a + 1000",
        "INSERT INTO bystander VALUES (4, 4)",
    )
    exact = [name for name in tables if name not in ("listed", "filtered")]
    wait_converged(capture, *exact, "bystander")
    changed = {name for name, mark in marks(capture, *tables).items() if mark != before[name]}
    assert changed >= set(exact), set(exact) - changed
    assert marks(capture, "bystander")["bystander"] == before["bystander"]
    wait_until(lambda: target_columns(capture, "listed") == ["id", "b"], 20, "the column list")
    wait_until(
        lambda: capture.rows("SELECT count() FROM oltp.filtered") == [(2,)], 20, "the filter"
    )
    capture.sql(
        "INSERT INTO moods VALUES (4, 'happy')",
        "UPDATE wide_key SET id = 5000000000 WHERE id = 1",
        "UPDATE named_key SET number = 9 WHERE number = 1",
        "DELETE FROM other_key WHERE a = 2",
        "UPDATE replaced SET a = id",
        "ALTER PUBLICATION cases SET TABLE volatile, expression, retyped, wide_key, named_key,"
        " other_key, replaced, moods, listed, filtered, widened, bystander",
    )
    wait_converged(capture, *tables, "bystander")
    assert all(not table.reason for table in capture.tables())


def test_what_a_person_must_decide_quarantines_its_table_with_the_way_out(capture: Capture) -> None:
    make(
        capture,
        narrower="a bigint DEFAULT 3",
        keyless="a int DEFAULT 3",
        nothing="a int DEFAULT 3",
        indexed="a int NOT NULL DEFAULT 3",
        bystander="a int DEFAULT 3",
    )
    capture.sql(
        "ALTER TABLE narrower ALTER a TYPE smallint",
        "ALTER TABLE keyless DROP CONSTRAINT keyless_pkey",
        "INSERT INTO keyless VALUES (1, 1)",
        "ALTER TABLE nothing REPLICA IDENTITY NOTHING",
        "INSERT INTO bystander VALUES (4, 4)",
        "CREATE UNIQUE INDEX by_both ON indexed (a, id)",
        "ALTER TABLE indexed REPLICA IDENTITY USING INDEX by_both",
        "UPDATE indexed SET a = id",
    )
    for name, word in {
        "narrower": "int8 to int2",
        "keyless": "primary key",
        "nothing": "key",
    }.items():
        reason = capture.wait_state(name, "quarantined").reason
        assert word in reason
        assert f"cdc resync {name}" in reason
    wait_converged(capture, "bystander", "indexed")
    assert capture.table("indexed").layout.key == ("a", "id")
    assert capture.rows("SELECT count() FROM oltp.narrower") == [(3,)], "readers keep the old rows"
    capture.sql(
        "ALTER TABLE indexed REPLICA IDENTITY FULL",
        "UPDATE indexed SET a = 100 WHERE id = 1",
        "DELETE FROM indexed WHERE id = 2",
    )
    wait_converged(capture, "indexed")


@pytest.mark.parametrize("via_root", [True, False])
def test_partitions_come_and_go(capture: Capture, via_root: bool) -> None:
    """Through the root the log names only the root, and of partitions that come or go nothing."""
    capture.sql(
        "CREATE TABLE days (id int, day int, name text, PRIMARY KEY (id, day))"
        " PARTITION BY RANGE (day)",
        "CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (0) TO (10)",
        # Its columns stand in another order, and it had rows before it became a partition.
        "CREATE TABLE days_2 (gone int, name text, day int NOT NULL, id int NOT NULL)",
        "ALTER TABLE days_2 DROP COLUMN gone",
        "INSERT INTO days_2 SELECT 'two', 10 + n % 10, n FROM generate_series(1, 500) n",
        "ALTER TABLE days ATTACH PARTITION days_2 FOR VALUES FROM (10) TO (20)",
        "INSERT INTO days SELECT n, n % 10, 'one' FROM generate_series(1, 500) n",
        f"CREATE PUBLICATION cases FOR TABLE days WITH (publish_via_partition_root = {via_root})",
    )
    capture.start()
    names = ["days"] if via_root else ["days_1", "days_2"]
    for name in names:
        capture.wait_state(name, "streaming")
    capture.sql(
        "UPDATE days SET name = 'moved', day = 15 WHERE id = 1 AND day = 1",
        "DELETE FROM days WHERE id = 2",
        "INSERT INTO days VALUES (1000, 5, 'new'), (1001, 15, 'new')",
    )
    wait_converged(capture, *names)
    before = marks(capture, *names)

    capture.sql(
        "CREATE TABLE days_3 PARTITION OF days FOR VALUES FROM (20) TO (30)",
        "INSERT INTO days VALUES (2000, 25, 'born here')",
    )
    wait_converged(capture, *names, *([] if via_root else ["days_3"]))
    assert marks(capture, *names) == before, "a partition that began empty is no reason"

    capture.sql(
        "CREATE TABLE days_4 (name text, id int NOT NULL, day int NOT NULL)",
        "INSERT INTO days_4 SELECT 'four', n, 35 FROM generate_series(1, 100) n",
        "ALTER TABLE days ATTACH PARTITION days_4 FOR VALUES FROM (30) TO (40)",
        "INSERT INTO days VALUES (2000, 35, 'after')",
    )
    wait_converged(capture, *names, *([] if via_root else ["days_3", "days_4"]))

    capture.sql("ALTER TABLE days DETACH PARTITION days_2", "DELETE FROM days WHERE id = 7")
    if via_root:
        wait_converged(capture, "days")
        capture.sql("TRUNCATE days_4")
        wait_converged(capture, "days")
        assert capture.rows("SELECT count() FROM oltp.days WHERE day > 29") == [(0,)]
    else:
        capture.wait_state("days_2", "removed")
        wait_converged(capture, "days_1", "days_3", "days_4")
        assert capture.rows("SELECT count() > 400 FROM oltp.days_2") == [(1,)], "its rows stay"


def test_a_column_dropped_after_the_last_row_goes_though_other_alters_came_before(
    capture: Capture,
) -> None:
    """When capture comes to the rows, the source's catalogue has forgotten the column already."""
    make(capture, late="gone text, kept varchar(10)")
    before = marks(capture, "late")
    capture.stop()
    capture.transaction(
        "ALTER TABLE late ADD COLUMN added int DEFAULT 7",
        "INSERT INTO late VALUES (4, 'text', 'text', 8)",
    )
    capture.sql("ALTER TABLE late DROP COLUMN gone")
    capture.start()
    wait_converged(capture, "late")
    assert target_columns(capture, "late") == ["id", "kept", "added"]
    assert marks(capture, "late") == before


def test_a_capture_that_stops_ends_the_comparison_it_has_begun(capture: Capture) -> None:
    """It waits for an open transaction, holding connections and a slot that the source's owner
    would have to find and end by hand."""
    make(capture, wider="a int DEFAULT 1", bystander="a int DEFAULT 1")
    slots = (
        "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"
        " AND slot_name LIKE 'verify%'"
    )
    with connect(capture.options.source_url) as open_transaction:
        open_transaction.execute("UPDATE bystander SET a = 2 WHERE id = 1")
        capture.sql("ALTER TABLE wider ALTER a TYPE bigint")
        wait_until(lambda: capture.source_value(slots), 20, "the comparison has begun")
        capture.stop()
        assert not [it for it in threading.enumerate() if it.name == "cdc-doubt"]
        wait_until(lambda: not capture.source_value(slots), 5, "its slot is gone")
    capture.start()
    wait_converged(capture, "wider", "bystander")
