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
    tables: tuple[str, ...]
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


def seven_columns(scale: float, *, identity: str = "DEFAULT", each: int = 1000) -> Workload:
    """500k inserts, 100k updates, 50k deletes at scale 1."""
    inserts, updates, deletes = (int(count * scale) for count in (500_000, 100_000, 50_000))

    def write(connection: Connection) -> int:
        return (
            in_transactions(connection, _insert("answers", SEVEN_VALUES), rows=inserts, each=each)
            + in_transactions(connection, _change("answers"), rows=updates, each=each)
            + in_transactions(connection, _delete("answers"), rows=deletes, each=each)
        )

    kinds = f"{inserts:,} inserts, {updates:,} updates, {deletes:,} deletes"
    return Workload(
        "7 columns" if identity == "DEFAULT" and each == 1000 else f"{identity} {each}",
        f"{kinds}, {each:,} a transaction, identity {identity}",
        ("answers",),
        _tables(SEVEN_COLUMNS, "answers", identity=identity),
        write,
    )
