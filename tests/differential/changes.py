"""What a session may do to a table: each function gives statements, or none where it cannot.

Belongs here: rows and forms. Transactions, savepoints and failures belong to `story`.
"""

from collections.abc import Callable
from copy import deepcopy
from random import Random

from differential.tables import Column, Table
from differential.values import (
    FLOAT4,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    KINDS,
    LARGE,
    MOMENT_TZ,
    MONEYLIKE,
    TEXT,
    UUID,
    VARCHAR,
    Kind,
)

Statements = list[str]
Change = Callable[[Random, Table], Statements]

WIDER_MONEY = Kind("numeric(20,2)", MONEYLIKE.make, MONEYLIKE.series, MONEYLIKE.edges)
WIDER_VARCHAR = Kind("varchar(300)", VARCHAR.make, VARCHAR.series, VARCHAR.edges)
WIDER = {
    INT2.sql: (INT4, INT8), INT4.sql: (INT8,), FLOAT4.sql: (FLOAT8,), MONEYLIKE.sql: (WIDER_MONEY,),
    VARCHAR.sql: (WIDER_VARCHAR, TEXT), WIDER_VARCHAR.sql: (TEXT,),
}  # fmt: skip


def _some(chance: Random, table: Table, most: int = 8) -> str:
    """A condition that picks up to `most` rows, the same ones for the same data and seed."""
    order = f"md5({table.key_text} || '{chance.randrange(10**6)}')"
    picked = f"SELECT ctid FROM {table.name} ORDER BY {order} LIMIT {chance.randrange(1, most)}"
    return f"ctid = ANY (ARRAY({picked}))"


def _names(columns: list[Column]) -> str:
    return ", ".join(column.name for column in columns)


def _assignments(chance: Random, columns: list[Column]) -> str:
    return ", ".join(f"{column.name} = {column.value(chance)}" for column in columns)


def series(table: Table, first: int, last: int) -> str:
    """A query of rows made of numbers."""
    values = ", ".join(column.kind.series.format(n="n") for column in table.columns)
    return f"SELECT {values} FROM generate_series({first}, {last}) n"


def insert(chance: Random, table: Table) -> Statements:
    rows = ", ".join(
        "(" + ", ".join(column.value(chance) for column in table.columns) + ")"
        for _ in range(chance.randrange(1, 5))
    )
    return [
        f"INSERT INTO {table.name} ({_names(table.columns)}) VALUES {rows} ON CONFLICT DO NOTHING"
    ]


def upsert(chance: Random, table: Table) -> Statements:
    changed = chance.sample(table.others, 1) if table.others else table.key[:1]
    values = ", ".join(column.value(chance) for column in table.columns)
    return [
        f"INSERT INTO {table.name} ({_names(table.columns)}) VALUES ({values})"
        f" ON CONFLICT ({_names(table.key)}) DO UPDATE SET {_assignments(chance, changed)}"
    ]


def insert_many(chance: Random, table: Table) -> Statements:
    first, last = table.numbers(chance.choice((20, 100, 400)))
    return [
        f"INSERT INTO {table.name} ({_names(table.columns)}) {series(table, first, last)}"
        " ON CONFLICT DO NOTHING"
    ]


def copy_many(chance: Random, table: Table) -> Statements:
    """`story` does what this says: COPY needs more than a statement."""
    first, last = table.numbers(chance.choice((5, 60, 300)))
    return [f"COPY {table.name} ({_names(table.columns)}) FROM ({series(table, first, last)})"]


def insert_very_many(chance: Random, table: Table) -> Statements:
    """Large enough to be streamed before its commit."""
    first, last = table.numbers(chance.choice((1500, 3000)))
    into = f"INSERT INTO {table.name} ({_names(table.columns)})"
    half = (first + last) // 2
    return [
        f"{into} {series(table, first, half)} ON CONFLICT DO NOTHING",
        *update_all(chance, table),
        f"{into} {series(table, half + 1, last)} ON CONFLICT DO NOTHING",
        f"DELETE FROM {table.name} WHERE md5({table.key_text}) < '{chance.choice('4cf')}'",
    ]


def update(chance: Random, table: Table) -> Statements:
    """Large values mostly stay, so that the log leaves them out."""
    others = [
        column for column in table.others if column.kind is not LARGE or chance.random() < 0.2
    ]
    if not others:
        return []
    changed = chance.sample(others, chance.randrange(1, min(3, len(others)) + 1))
    return [f"UPDATE {table.name} SET {_assignments(chance, changed)} WHERE {_some(chance, table)}"]


def update_all(chance: Random, table: Table) -> Statements:
    others = [column for column in table.others if column.kind is not LARGE]
    if not others:
        return []
    return [f"UPDATE {table.name} SET {_assignments(chance, chance.sample(others, 1))}"]


def update_to_the_same(chance: Random, table: Table) -> Statements:
    name = chance.choice(table.columns).name
    return [f"UPDATE {table.name} SET {name} = {name} WHERE {_some(chance, table)}"]


def update_hidden(chance: Random, table: Table) -> Statements:
    if not table.hidden_repeats:
        return []
    return [f"UPDATE {table.name} SET hidden = {table.hidden_value} WHERE {_some(chance, table)}"]


def change_key(chance: Random, table: Table) -> Statements:
    changed = chance.sample(table.key, 1)
    if table.others and chance.random() < 0.5:
        changed += chance.sample(table.others, 1)
    return [
        f"UPDATE {table.name} SET {_assignments(chance, changed)} WHERE {_some(chance, table, 2)}"
    ]


def shift_keys(chance: Random, table: Table) -> Statements:
    numbers = [column for column in table.key if column.kind in (INT4, INT8)]
    if not numbers:
        return []
    name = chance.choice(numbers).name
    by = chance.choice((1_000_003, -1_000_003))
    return [f"UPDATE {table.name} SET {name} = {name} + {by} WHERE abs({name}::bigint) < 100000000"]


def swap_keys(chance: Random, table: Table) -> Statements:
    numbers = [column for column in table.key if column.kind in (INT4, INT8)]
    if len(table.key) > 1 or not numbers:
        return []
    name, hole = numbers[0].name, 99_000_000 + chance.randrange(1000)
    a, b = sorted(chance.sample(range(1, 60), 2))
    return [
        f"UPDATE {table.name} SET {name} = {hole} WHERE {name} = {a}",
        f"UPDATE {table.name} SET {name} = {a} WHERE {name} = {b}",
        f"UPDATE {table.name} SET {name} = {b} WHERE {name} = {hole}",
    ]


def delete(chance: Random, table: Table) -> Statements:
    return [f"DELETE FROM {table.name} WHERE {_some(chance, table)}"]


def delete_and_insert_again(chance: Random, table: Table) -> Statements:
    names = _names(table.columns)
    some = "true" if chance.random() < 0.4 else _some(chance, table, 20)
    return [
        f"WITH gone AS (DELETE FROM {table.name} WHERE {some} RETURNING {names})"
        f" INSERT INTO {table.name} ({names}) SELECT {names} FROM gone"
    ]


def delete_all(_: Random, table: Table) -> Statements:
    return [f"DELETE FROM {table.name}"]


def truncate(_: Random, table: Table) -> Statements:
    return [f"TRUNCATE {table.name}"]


def add_column(chance: Random, table: Table) -> Statements:
    column = Column(table.new_name(), chance.choice(KINDS))
    table.columns.append(column)
    add = f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.kind.sql}"
    how = chance.random()
    if how < 0.35:
        return [add]
    column.is_not_null = how > 0.7
    default = column.kind.value(chance, 0.0)
    if default.startswith("(SELECT"):
        default = "'was added'"
    return [f"{add} DEFAULT {default}{' NOT NULL' if column.is_not_null else ''}"]


def add_volatile_column(chance: Random, table: Table) -> Statements:
    kind, default = chance.choice(
        ((UUID, "gen_random_uuid()"), (FLOAT8, "random()"), (MOMENT_TZ, "clock_timestamp()"))
    )
    column = Column(table.new_name(), kind, is_not_null=chance.random() < 0.5)
    table.columns.append(column)
    end = " NOT NULL" if column.is_not_null else ""
    return [f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind.sql} DEFAULT {default}{end}"]


def drop_column(chance: Random, table: Table) -> Statements:
    if len(table.others) < 2:
        return []
    column = chance.choice(table.others)
    table.columns.remove(column)
    return [f"ALTER TABLE {table.name} DROP COLUMN {column.name} CASCADE"]


def add_again(chance: Random, table: Table) -> Statements:
    """Another column takes the name of one that goes, with its type or another one."""
    if not table.others:
        return []
    old = chance.choice(table.others)
    kind = old.kind if chance.random() < 0.5 else chance.choice(KINDS)
    table.columns.remove(old)
    table.columns.append(Column(old.name, kind))
    drop, add = f"DROP COLUMN {old.name}", f"ADD COLUMN {old.name} {kind.sql}"
    if chance.random() < 0.5:
        return [f"ALTER TABLE {table.name} {drop}", f"ALTER TABLE {table.name} {add}"]
    return [
        f"ALTER TABLE {table.name} {drop}",
        *update(chance, table),
        f"ALTER TABLE {table.name} {add}",
    ]


def rename_column(chance: Random, table: Table) -> Statements:
    column = chance.choice(table.columns if not table.generated else table.others or table.columns)
    old, column.name = column.name, table.new_name()
    return [f"ALTER TABLE {table.name} RENAME COLUMN {old} TO {column.name}"]


def exchange_names(chance: Random, table: Table) -> Statements:
    if len(table.others) < 2:
        return []
    one, two = chance.sample(table.others, 2)
    hole = table.new_name()
    alter = f"ALTER TABLE {table.name} RENAME COLUMN"
    made = [
        f"{alter} {one.name} TO {hole}",
        f"{alter} {two.name} TO {one.name}",
        f"{alter} {hole} TO {two.name}",
    ]
    one.name, two.name = two.name, one.name
    return made


def widen(chance: Random, table: Table) -> Statements:
    can = [column for column in table.columns if column.kind.sql in WIDER]
    if table.is_key_fixed:
        can = [column for column in can if not column.is_key]
    if not can:
        return []
    column = chance.choice(can)
    column.kind = chance.choice(WIDER[column.kind.sql])
    return [f"ALTER TABLE {table.name} ALTER COLUMN {column.name} TYPE {column.kind.sql}"]


def change_type_using(chance: Random, table: Table) -> Statements:
    """Every stored value changes, and the log tells of none."""
    can = [column for column in table.others if column.kind.sql in ("text", "integer")]
    if not can:
        return []
    column = chance.choice(can)
    using = f"upper({column.name})" if column.kind.sql == "text" else f"{column.name} / 2"
    return [
        f"ALTER TABLE {table.name} ALTER COLUMN {column.name} TYPE {column.kind.sql} USING {using}"
    ]


def narrow(chance: Random, table: Table) -> Statements:
    can = [column for column in table.others if column.kind.sql in ("bigint", "text", "integer")]
    if not can:
        return []
    column = chance.choice(can)
    using = (
        f"length({column.name})::smallint"
        if column.kind.sql == "text"
        else f"({column.name} % 100)::smallint"
    )
    column.kind = INT2
    return [f"ALTER TABLE {table.name} ALTER COLUMN {column.name} TYPE smallint USING {using}"]


def change_null(chance: Random, table: Table) -> Statements:
    if not table.others:
        return []
    column = chance.choice(table.others)
    alter = f"ALTER TABLE {table.name} ALTER COLUMN {column.name}"
    column.is_not_null = not column.is_not_null
    if not column.is_not_null:
        return [f"{alter} DROP NOT NULL"]
    filled = column.kind.value(chance, 0.0)
    return [
        f"UPDATE {table.name} SET {column.name} = {filled} WHERE num_nulls({column.name}) > 0",
        f"{alter} SET NOT NULL",
    ]


def change_default(chance: Random, table: Table) -> Statements:
    if not table.others:
        return []
    column = chance.choice(table.others)
    value = column.kind.value(chance, 0.3)
    if value.startswith("(SELECT"):
        return []
    return [f"ALTER TABLE {table.name} ALTER COLUMN {column.name} SET DEFAULT {value}"]


def change_identity(chance: Random, table: Table) -> Statements:
    if table.identity == "INDEX" or table.is_partitioned:
        return []
    table.identity = chance.choice(("DEFAULT", "FULL"))
    return [f"ALTER TABLE {table.name} REPLICA IDENTITY {table.identity}"]


def rewrite(_: Random, table: Table) -> Statements:
    """Every row gets another place, and the table another file."""
    if table.is_partitioned:
        return []
    index = "_unique" if table.identity == "INDEX" else "_pkey"
    return [f"CLUSTER {table.name} USING {table.name}{index}"]


ROWS: tuple[tuple[Change, int], ...] = (
    (insert, 8), (upsert, 5), (insert_many, 3), (copy_many, 3), (update, 14), (update_all, 1),
    (update_hidden, 3), (update_to_the_same, 1), (change_key, 4), (shift_keys, 1), (swap_keys, 2),
    (delete, 5), (delete_and_insert_again, 2), (delete_all, 1), (truncate, 1),
)  # fmt: skip
FORMS: tuple[tuple[Change, int], ...] = (
    (add_column, 8), (add_volatile_column, 1), (drop_column, 4), (add_again, 2), (rename_column, 4),
    (exchange_names, 1), (widen, 4), (change_type_using, 1), (change_null, 3), (change_default, 1),
    (change_identity, 2), (rewrite, 1), (narrow, 1),
)  # fmt: skip


def random_change(
    chance: Random, table: Table, changes: tuple[tuple[Change, int], ...]
) -> tuple[str, Statements]:
    """The name of one that is possible, and its statements; `table` becomes what they make it."""
    while True:
        change = chance.choices([c for c, _ in changes], [weight for _, weight in changes])[0]
        before = deepcopy(table.columns)
        statements = change(chance, table)
        if statements:
            return change.__name__, statements
        table.columns = before
