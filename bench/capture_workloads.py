"""The change sets that capture is measured with.

Belongs here: tables, and the changes written while the slots wait. Reading them is the
measurement's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bench.capture_stack import PUBLICATION, run_sql
from stores.postgres.client import Connection

SEVEN_COLUMNS = (
    "id bigint PRIMARY KEY, user_id uuid NOT NULL, kind text NOT NULL, note text,"
    " score double precision, is_done boolean NOT NULL, created_at timestamptz NOT NULL"
)
# One row, by its number `n`: about 190 bytes in an insert message.
SEVEN_VALUES = (
    "n, md5(n::text)::uuid, 'kind ' || n % 10, 'a note about answer ' || n || ' of somebody',"
    " n / 7.0, n % 2 = 0, timestamptz '2026-01-01' + n * interval '1 second'"
)
WIDE_KINDS = ("text", "int", "double precision", "timestamptz", "numeric(12, 2)")
_WIDE_VALUES = {
    "text": "'value ' || (n + {i}) % 1000",
    "int": "(n * {i}) % 100000",
    "double precision": "n / ({i} + 1.0)",
    "timestamptz": "timestamptz '2026-01-01' + (n + {i}) * interval '1 minute'",
    "numeric(12, 2)": "((n * {i}) % 1000000) / 100.0",
}


@dataclass(frozen=True)
class Workload:
    """`prepare` runs before the slots exist, `write` while they wait; it returns the number of
    changes. `note` says what is in it."""

    name: str
    note: str
    prepare: Callable[[Connection], None]
    write: Callable[[Connection], int]
    run_count: int = 3


def in_transactions(connection: Connection, statement: str, *, rows: int, each: int) -> int:
    """Run `statement` for the numbers a to b of each transaction; they are named so in it."""
    run_sql(
        connection,
        "SET synchronous_commit = off",
        f"DO $$ DECLARE a bigint := 1; b bigint; BEGIN WHILE a <= {rows} LOOP"
        f" b := least(a + {each} - 1, {rows}); {statement}; COMMIT; a := b + 1;"
        " END LOOP; END $$",
    )
    return rows


def published(*tables: str) -> str:
    """The statement that publishes them."""
    return f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {', '.join(tables)}"


def _tables(columns: str, *names: str, identity: str = "DEFAULT") -> Callable[[Connection], None]:
    def prepare(connection: Connection) -> None:
        run_sql(connection, *(f"CREATE TABLE {name} ({columns})" for name in names))
        run_sql(connection, *(f"ALTER TABLE {name} REPLICA IDENTITY {identity}" for name in names))
        run_sql(connection, published(*names))

    return prepare


def _insert(table: str, values: str) -> str:
    return f"INSERT INTO {table} SELECT {values} FROM generate_series(a, b) n"


def _change(table: str) -> str:
    return f"UPDATE {table} SET score = score + 1, is_done = NOT is_done WHERE id BETWEEN a AND b"


def _delete(table: str) -> str:
    return f"DELETE FROM {table} WHERE id BETWEEN a AND b"


def seven_columns(scale: float) -> Workload:
    """What the aim is about: 500k inserts, 100k updates, 50k deletes at scale 1."""
    return _answers("7 columns", (500_000, 100_000, 50_000), scale)


def _answers(
    name: str,
    counts: tuple[int, int, int],
    scale: float,
    *,
    identity: str = "DEFAULT",
    each: int = 1000,
) -> Workload:
    inserts, updates, deletes = (int(count * scale) for count in counts)

    def write(connection: Connection) -> int:
        return (
            in_transactions(connection, _insert("answers", SEVEN_VALUES), rows=inserts, each=each)
            + in_transactions(connection, _change("answers"), rows=updates, each=each)
            + in_transactions(connection, _delete("answers"), rows=deletes, each=each)
        )

    kinds = f"{inserts:,} inserts, {updates:,} updates, {deletes:,} deletes"
    return Workload(
        name,
        f"{kinds}; {each:,} a transaction",
        _tables(SEVEN_COLUMNS, "answers", identity=identity),
        write,
    )


def _wide(scale: float) -> Workload:
    kinds = [WIDE_KINDS[number % len(WIDE_KINDS)] for number in range(39)]
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(kinds))
    values = ", ".join(_WIDE_VALUES[kind].format(i=number) for number, kind in enumerate(kinds))
    rows = int(200_000 * scale)

    def write(connection: Connection) -> int:
        insert = _insert("answers", f"n, {values}")
        update = "UPDATE answers SET c1 = c1 + 1 WHERE id BETWEEN a AND b"
        return in_transactions(connection, insert, rows=rows, each=1000) + in_transactions(
            connection, update, rows=rows // 5, each=1000
        )

    note = f"{rows:,} inserts, {rows // 5:,} updates; 1,000 a transaction"
    prepare = _tables(f"id bigint PRIMARY KEY, {columns}", "answers")
    return Workload("40 columns", note, prepare, write)


def _many_tables(scale: float) -> Workload:
    names = [f"answers_{number}" for number in range(20)]
    rows = int(20_000 * scale)

    def write(connection: Connection) -> int:
        inserts = "; ".join(_insert(name, SEVEN_VALUES) for name in names)
        updates = "; ".join(_change(name) for name in names)
        return 20 * in_transactions(connection, inserts, rows=rows, each=50) + 20 * in_transactions(
            connection, updates, rows=rows // 5, each=50
        )

    note = f"{rows:,} inserts, {rows // 5:,} updates in each; 50 of each table in a transaction"
    return Workload("20 tables", note, _tables(SEVEN_COLUMNS, *names), write)


def _texts(scale: float, *, is_updated: bool) -> Workload:
    rows, updates = int(20_000 * scale), int(40_000 * scale)
    insert = _insert(
        "answers",
        "n, 0, substr(words, (1 + n * 7919 % 40000)::int, (4096 + n * 6151 % 16385)::int)",
    )
    insert += ", corpus"

    def prepare(connection: Connection) -> None:
        _tables("id bigint PRIMARY KEY, score int, said text", "answers")(connection)
        run_sql(
            connection,
            "ALTER TABLE answers ALTER said SET STORAGE EXTERNAL",
            "SELECT setseed(0.5)",
            "CREATE TABLE corpus AS SELECT string_agg(substr(md5((random() * 3000)::int::text), 1,"
            " 2 + (random() * 8)::int), ' ') AS words FROM generate_series(1, 12000)",
        )
        if is_updated:
            in_transactions(connection, insert, rows=rows, each=1000)

    def write(connection: Connection) -> int:
        if not is_updated:
            return in_transactions(connection, insert, rows=rows, each=1000)
        update = (
            "UPDATE answers SET score = score + 1 WHERE id IN"
            f" (SELECT 1 + n * 7 % {rows} FROM generate_series(a, b) n)"
        )
        return in_transactions(connection, update, rows=updates, each=1000)

    if is_updated:
        note = f"{updates:,} updates of the integer beside it among {rows:,} rows"
        return Workload("texts of 4-20 kB unchanged", note, prepare, write)
    note = f"{rows:,} inserts; 1,000 a transaction"
    return Workload("texts of 4-20 kB inserted", note, prepare, write)


def large_transaction(scale: float) -> Workload:
    """One transaction of 2M rows."""
    rows = int(2_000_000 * scale)

    def write(connection: Connection) -> int:
        return in_transactions(connection, _insert("answers", SEVEN_VALUES), rows=rows, each=rows)

    note = f"{rows:,} inserts in one transaction"
    prepare = _tables(SEVEN_COLUMNS, "answers")
    return Workload("a large transaction", note, prepare, write, run_count=1)


def _backlog(scale: float) -> Workload:
    rows = int(1_600_000 * scale)
    text = "repeat(md5(n::text), 32)"

    def write(connection: Connection) -> int:
        insert = _insert("answers", f"n, {text}")
        return in_transactions(connection, insert, rows=rows, each=1000)

    note = f"{rows:,} inserts of 1 kB; 1,000 a transaction"
    prepare = _tables("id bigint PRIMARY KEY, said text", "answers")
    return Workload("a backlog of 2 GB", note, prepare, write, run_count=1)


def all_workloads(scale: float) -> list[Workload]:
    """In the order they are reported in."""
    some = (200_000, 100_000, 50_000)
    return [
        seven_columns(scale),
        _wide(scale),
        _many_tables(scale),
        _answers("identity FULL", some, scale, identity="FULL"),
        _texts(scale, is_updated=False),
        _texts(scale, is_updated=True),
        _answers("10-row transactions", some, scale, each=10),
        large_transaction(scale),
        _backlog(scale),
    ]
