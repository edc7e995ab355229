"""The 25 cases, as changes that any peer can be given.

Belongs here: what is done to the source, and what then must hold. A case ends without an exception
where it is right; `run.compare` raises where it is not. Numbers are those of the specification;
a case that takes more than a peer and PostgreSQL says so and is not run.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.capture_stack import PUBLICATION
from bench.peers.peer import LEFT_OUT, wait_for
from bench.peers.run import Run, Wrong
from stores.postgres.client import Connection, connect

ITEMS = "(id int PRIMARY KEY, name text, score int)"
NOISE = "(SELECT string_agg(md5(n::text || random()), '') FROM generate_series(1, 700) n)"
LONG = 60.0


@dataclass(frozen=True)
class Case:
    """`body` is None where the case needs more than can be done to every peer."""

    number: str
    title: str
    body: Callable[[Run], None] | None
    reason: str = ""


CASES: list[Case] = []


def case(number: str, title: str) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """Add a case to the list."""

    def add(body: Callable[[Run], None]) -> Callable[[Run], None]:
        CASES.append(Case(number, title, body))
        return body

    return add


def _items(run: Run, rows: int = 3) -> None:
    run.table(f"items {ITEMS}")
    run.sql(f"INSERT INTO items SELECT n, 'item ' || n, n FROM generate_series(1, {rows}) n")


def _change_items(connection: Connection, number: int) -> None:
    """Some of everything, keys old and new."""
    new, old = 10_000_000 + number, 1 + number * 37 % 45_000
    for statement in (
        f"INSERT INTO items VALUES ({new}, 'new', {number})",
        f"UPDATE items SET score = {number}, name = 'changed' WHERE id = {old}",
        f"DELETE FROM items WHERE id = {2 + number * 53 % 45_000}",
    ):
        connection.execute(statement.encode())


@case("1", "snapshot while others write")
def snapshot_under_writes(run: Run) -> None:
    _items(run, 50_000)
    with run.writing(_change_items):
        run.begin(is_awaited=False)
        if not wait_for(lambda: run.peer.has_marker(0), LONG):
            raise Wrong(f"nothing arrives: {run.peer.complaint()}")
        time.sleep(1)
    run.compare(seconds=LONG)


@case("2", "kill -9 in the middle of the snapshot")
def killed_in_snapshot(run: Run) -> None:
    rows = 400_000
    run.table(f"items {ITEMS}")
    run.sql(f"INSERT INTO items SELECT n, repeat('x', 600), n FROM generate_series(1, {rows}) n")
    run.begin(is_awaited=False)
    with connect(run.source_url, autocommit=True) as connection:
        if not wait_for(lambda: _is_read(connection), 30):
            raise Wrong("the table is never read")
        time.sleep(0.8)
        run.peer.kill()
        time.sleep(1.5)
        before = _rows_read(connection)
        run.peer.start()
        run.compare(seconds=LONG)
        time.sleep(1.5)
        again = (_rows_read(connection) - before) / rows
    run.notes.append(f"{min(again, 1.0):.0%} of the rows were read after the restart")


def _is_read(connection: Connection) -> bool:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND state = 'active' AND backend_type = 'client backend'"
        " AND query ILIKE '%items%' AND query NOT ILIKE '%pg_catalog%'"
        " AND query NOT ILIKE '%pg_stat%'"
    ).fetchone()
    return bool(row and row[0])


def _rows_read(connection: Connection) -> int:
    row = connection.execute(
        "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables"
        " WHERE relname = 'items'"
    ).fetchone()
    return int(row[0]) if row else 0


@case("3a", "a table added live")
def added_live(run: Run) -> None:
    _items(run)
    run.begin()
    run.table(f"later {ITEMS}")
    run.sql(
        "INSERT INTO later SELECT n, 'before', n FROM generate_series(1, 1000) n",
        f"ALTER PUBLICATION {PUBLICATION} ADD TABLE later",
    )
    run.peer.add_table("later")
    run.sql("UPDATE later SET name = 'changed' WHERE id = 1", "UPDATE items SET score = 9")
    wait_for(lambda: run.peer.count("later", "id > 0") >= 1000, 20)
    run.sql("INSERT INTO later VALUES (5000, 'after', 0)")
    run.compare()


@case("3b", "a table read anew while it is read and written")
def resynchronised(run: Run) -> None:
    _items(run, 50_000)
    run.begin()
    run.peer.resync("items")
    run.sql("INSERT INTO items VALUES (10000000, 'meanwhile', 0)")
    fewest, deadline = 50_000, time.monotonic() + 3
    while time.monotonic() < deadline:
        fewest = min(fewest, run.peer.count("items", "id > 0"))
    if fewest < 50_000:
        raise Wrong(f"readers saw {fewest} rows of 50000 meanwhile")
    run.compare(seconds=20)


@case("4", "kill -9 three times while 5 tables are written together")
def killed_while_writing(run: Run) -> None:
    names = [f"items_{number}" for number in range(5)]
    for name in names:
        run.table(f"{name} {ITEMS}")
    run.begin()

    def write(connection: Connection, number: int) -> None:
        for name in names:
            first = number * 20
            connection.execute(
                f"INSERT INTO {name} SELECT n, 'x', 0 FROM generate_series({first},"
                f" {first + 19}) n".encode()
            )
            connection.execute(f"UPDATE {name} SET score = score + 1 WHERE id % 97 = 3".encode())
            connection.execute(f"DELETE FROM {name} WHERE id = {first + 5}".encode())
        time.sleep(0.02)

    with run.writing(write):
        for pause in (0.7, 1.9, 1.1):
            time.sleep(pause)
            run.peer.kill()
            run.peer.start()
    run.compare(seconds=LONG)


CASES.append(Case("5", "ClickHouse away under writes", None, "needs a target that is apart"))
CASES.append(Case("6", "an insert's answer lost", None, "needs a proxy before the target"))


@case("7a", "every connection to PostgreSQL cut, three times")
def connections_cut(run: Run) -> None:
    _items(run, 100)
    run.begin()
    for number in range(3):
        run.sql(
            f"UPDATE items SET score = {number}",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            f"INSERT INTO items VALUES ({1000 + number}, 'after', 0)",
        )
        time.sleep(0.5)
    run.compare(seconds=30)


@case("7b", "the slot dropped while it was stopped")
def slot_dropped(run: Run) -> None:
    _items(run)
    run.begin()
    run.settle()
    run.peer.stop()
    run.sql(
        "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
        " WHERE database = current_database() AND active",
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
        " WHERE database = current_database()",
        "UPDATE items SET name = 'in the gap'",
    )
    run.peer.start()
    time.sleep(4)
    run.sql("INSERT INTO items VALUES (77, 'after the gap', 0)")
    if run.settle() and (found := run.differs("items")):
        raise Wrong(f"resumed past the gap and says nothing: {found}")
    if said := run.peer.complaint():
        run.notes.append(f"stops and says: {said[:90]}")
    elif found := run.differs("items"):
        raise Wrong(f"stopped without a word: {found}")


@case("8", "an idle database lets the log go")
def idle_database(run: Run) -> None:
    _items(run)
    run.begin()
    run.settle()
    time.sleep(1)
    with connect(run.source_url, autocommit=True) as connection:

        def confirmed() -> str:
            row = connection.execute(
                "SELECT confirmed_flush_lsn::text FROM pg_replication_slots"
                " WHERE database = current_database() AND NOT temporary"
            ).fetchone()
            return str(row[0]) if row else ""

        before = confirmed()
        run.sql("CREATE TABLE not_followed AS SELECT generate_series(1, 50000) AS n")
        if not wait_for(lambda: confirmed() != before, 15):
            raise Wrong("the slot stands still for 15 s while others write")


@case("9", "insert, update, delete, insert of one key in one transaction")
def several_changes(run: Run) -> None:
    _items(run)
    run.begin()
    run.transaction(
        "INSERT INTO items VALUES (10, 'a', 1)",
        "UPDATE items SET name = 'b' WHERE id = 10",
        "DELETE FROM items WHERE id = 10",
        "INSERT INTO items VALUES (10, 'c', 2)",
        "UPDATE items SET name = 'twice' WHERE id = 1",
        "DELETE FROM items WHERE id = 2",
    )
    run.compare()


@case("10", "COPY of 5,000 rows and updates of some in one transaction")
def copied(run: Run) -> None:
    _items(run)
    run.begin()
    with connect(run.source_url) as connection:
        with connection.cursor().copy("COPY items FROM STDIN") as copy:
            for number in range(100, 5100):
                copy.write_row((number, f"copied {number}", 0))
        connection.execute("UPDATE items SET score = id WHERE id % 7 = 0")
    run.compare()


@case("11", "savepoints and whole transactions rolled back")
def rolled_back(run: Run) -> None:
    _items(run)
    run.begin()
    run.transaction(
        "INSERT INTO items VALUES (20, 'kept', 0)",
        "SAVEPOINT one",
        "INSERT INTO items VALUES (21, 'undone', 0)",
        "UPDATE items SET name = 'undone' WHERE id = 1",
        "ROLLBACK TO SAVEPOINT one",
        "INSERT INTO items VALUES (22, 'kept too', 0)",
    )
    run.transaction("INSERT INTO items VALUES (23, 'undone', 0)", "ROLLBACK")
    run.compare()


@case("12", "a transaction of 300,000 rows")
def large(run: Run) -> None:
    _items(run)
    run.begin()
    memory = run.peer.memory_mib()
    insert = "INSERT INTO items SELECT n, repeat('y', 100), n FROM generate_series({}, {}) n"
    with connect(run.source_url) as connection:
        for part in range(6):
            first = 1000 + part * 50_000
            connection.execute(insert.format(first, first + 49_999).encode())
            time.sleep(0.3)
            if early := run.peer.count("items", "id >= 1000"):
                raise Wrong(f"{early} rows were visible before the commit")
    run.compare(seconds=LONG)
    run.notes.append(f"memory from {memory:.0f} to {run.peer.memory_mib():.0f} MiB")


@case("13", "all rows deleted and inserted again, in one transaction and in two")
def all_again(run: Run) -> None:
    _items(run)
    run.begin()
    again = "INSERT INTO items SELECT n, 'again', 0 FROM generate_series(1, 3) n"
    run.transaction("DELETE FROM items", again)
    run.compare()
    run.sql("DELETE FROM items", again)
    run.compare()


@case("14", "TRUNCATE, also CASCADE, also followed by an insert in its transaction")
def truncated(run: Run) -> None:
    _items(run)
    run.table("parts (id int PRIMARY KEY, item int REFERENCES items(id))")
    run.sql("INSERT INTO parts VALUES (1, 1)")
    run.begin()
    run.transaction(
        "INSERT INTO items VALUES (5, 'before', 0)",
        "TRUNCATE items CASCADE",
        "INSERT INTO items VALUES (1, 'after', 0), (6, 'after', 0)",
    )
    run.compare()


@case("15", "a key changed; two rows swap theirs in one transaction")
def keys_changed(run: Run) -> None:
    _items(run)
    run.begin()
    run.sql("UPDATE items SET id = 10 WHERE id = 1", "UPDATE items SET id = id + 100")
    run.transaction(
        "UPDATE items SET id = -1 WHERE id = 102",
        "UPDATE items SET id = 102 WHERE id = 103",
        "UPDATE items SET id = 103 WHERE id = -1",
    )
    run.compare()


@case("16", "half of a composite key replaced, identity DEFAULT and FULL")
def composite(run: Run) -> None:
    for identity in ("default", "full"):
        run.table(f"grants_{identity} (a int, b int, note text, PRIMARY KEY (a, b))")
        run.sql(
            f"ALTER TABLE grants_{identity} REPLICA IDENTITY {identity}",
            f"INSERT INTO grants_{identity} VALUES (1, 1, 'x'), (1, 2, 'y'), (2, 1, 'z')",
        )
    run.begin()
    for name in list(run.tables):
        run.transaction(f"DELETE FROM {name} WHERE a = 1", f"INSERT INTO {name} VALUES (1, 3, 'x')")
        run.sql(f"UPDATE {name} SET b = 7 WHERE a = 2")
    run.compare()


@case("17", "a table without a primary key: right, or refused in words")
def no_key(run: Run) -> None:
    _items(run)
    run.table("heap (a int, b text)")
    run.sql("ALTER TABLE heap REPLICA IDENTITY FULL", "INSERT INTO heap VALUES (1, 'x'), (1, 'x')")
    run.begin()
    run.sql("INSERT INTO heap VALUES (2, 'y'), (3, 'z')", "UPDATE heap SET b = 'w' WHERE a = 2")
    run.sql("DELETE FROM heap WHERE a = 3", "UPDATE items SET score = 5")
    _right_or_refused(run, "heap", "items")


def _right_or_refused(run: Run, table: str, *others: str) -> None:
    """The other tables go on; this one is right, or it is said why not."""
    run.compare(*others)
    if found := run.differs(table):
        said = LEFT_OUT if LEFT_OUT in found else run.peer.complaint()
        if said is None:
            raise Wrong(f"nothing is said, and {found}")
        run.notes.append(f"says: {said[:90]}")


@case("18", "20 kB of text, then an update beside it, identity DEFAULT and FULL")
def text_unchanged(run: Run) -> None:
    for identity in ("default", "full"):
        run.table(f"talks_{identity} (id int PRIMARY KEY, score int, said text)")
        run.sql(
            f"ALTER TABLE talks_{identity} ALTER said SET STORAGE EXTERNAL",
            f"ALTER TABLE talks_{identity} REPLICA IDENTITY {identity}",
        )
    run.begin()
    for name in list(run.tables):
        run.sql(f"INSERT INTO {name} SELECT i, i, {NOISE} FROM generate_series(1, 3) i")
        run.sql(f"UPDATE {name} SET score = 100 WHERE id = 1")
    run.compare()


@case("19", "the same, the text only in the snapshot, also with a key change")
def text_from_snapshot(run: Run) -> None:
    run.table("talks (id int PRIMARY KEY, score int, said text)")
    run.sql(
        "ALTER TABLE talks ALTER said SET STORAGE EXTERNAL",
        f"INSERT INTO talks SELECT i, i, {NOISE} FROM generate_series(1, 3) i",
    )
    run.begin()
    run.sql("UPDATE talks SET score = 100 WHERE id = 1", "UPDATE talks SET id = 20 WHERE id = 2")
    run.compare()


@case("20", "ADD with a default, RENAME, DROP, int to bigint, varchar widened")
def columns_changed(run: Run) -> None:
    for name in ("added", "renamed", "dropped", "widened", "longer"):
        run.table(f"{name} (id int PRIMARY KEY, name varchar(10), score int)")
        run.sql(f"INSERT INTO {name} VALUES (1, 'one', 1), (2, 'two', 2)")
    run.begin()
    run.sql(
        "ALTER TABLE added ADD COLUMN level int NOT NULL DEFAULT 7",
        "ALTER TABLE renamed RENAME COLUMN name TO title",
        "ALTER TABLE dropped DROP COLUMN name",
        "ALTER TABLE widened ALTER score TYPE bigint",
        "ALTER TABLE longer ALTER name TYPE varchar(30)",
        "UPDATE added SET score = 10 WHERE id = 1",
        "INSERT INTO added VALUES (3, 'three', 3, 8)",
        "INSERT INTO renamed VALUES (3, 'three', 3)",
        "INSERT INTO dropped VALUES (3, 3)",
        "INSERT INTO widened VALUES (3, 'three', 5000000000)",
        "INSERT INTO longer VALUES (3, 'a name of thirty characters...', 3)",
    )
    run.compare()


@case("21", "an impossible change: that table is set aside in words, others flow")
def impossible(run: Run) -> None:
    _items(run)
    run.table(f"other {ITEMS}")
    run.begin()
    run.sql(
        "ALTER TABLE items ALTER COLUMN name TYPE int USING id",
        "UPDATE items SET name = 5",
        "INSERT INTO other VALUES (1, 'flows', 1)",
    )
    _right_or_refused(run, "items", "other")


@case("22", "a new partition, one with another column order")
def partitions(run: Run) -> None:
    run.table("logs (id int, at date, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)")
    run.sql(
        "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
        "INSERT INTO logs VALUES (1, '2026-01-05', 'first')",
    )
    run.begin(options="WITH (publish_via_partition_root = true)")
    run.sql(
        "CREATE TABLE logs_2 (note text, at date NOT NULL, id int NOT NULL, PRIMARY KEY (id, at))",
        "ALTER TABLE logs ATTACH PARTITION logs_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
        "INSERT INTO logs VALUES (2, '2026-02-05', 'second'), (3, '2026-01-06', 'third')",
        "UPDATE logs SET note = 'changed' WHERE id = 2",
        "UPDATE logs SET at = '2026-02-07' WHERE id = 1",
    )
    run.compare()
