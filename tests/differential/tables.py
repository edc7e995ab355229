"""The tables of a story: their columns as the story believes them to be, and their first form.

Belongs here: the model and CREATE TABLE. What happens to a table later belongs to `changes`.
"""

from dataclasses import dataclass
from random import Random

from differential.outline import Outline
from differential.values import (
    BYTES,
    DATE,
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
    own_kinds,
)

# What a column that is left out or hashed holds: as it is, or beside its row.
HIDDEN_REPEATS = (1, 90, 300)
PARTITION_COUNT = 3
PARTITION_KEYS = (INT4, INT8, TEXT, UUID, DATE)
# Key kinds whose series never repeats a value.
KEYS = (INT4, INT4, INT8, TEXT, UUID, VARCHAR, DATE, MOMENT_TZ, MONEYLIKE, BYTES)


@dataclass
class Column:
    """A column that the story may write."""

    name: str
    kind: Kind
    is_key: bool = False
    is_not_null: bool = False

    def value(self, chance: Random) -> str:
        """A value it takes."""
        return self.kind.value(chance, 0.0 if self.is_key or self.is_not_null else 0.15)


@dataclass
class Table:
    """A table; `columns` in the order they were made."""

    name: str
    columns: list[Column]
    identity: str = "DEFAULT"
    next_column: int = 0
    next_number: int = 0
    generated: str = ""
    # A condition of the publication; partitioned by its first column's hash; whether a column
    # `hidden`, which is none of `columns`, holds texts of so many parts.
    row_filter: str = ""
    is_partitioned: bool = False
    hidden_repeats: int = 0

    @property
    def key(self) -> list[Column]:
        """What tells rows apart."""
        return [column for column in self.columns if column.is_key]

    @property
    def others(self) -> list[Column]:
        """What is not of the key."""
        return [column for column in self.columns if not column.is_key]

    @property
    def is_key_fixed(self) -> bool:
        """Whether something depends on the key's type."""
        return bool(self.generated or self.row_filter or self.is_partitioned)

    @property
    def hidden_value(self) -> str:
        """An expression that differs each time."""
        return f"repeat(md5(random()::text), {self.hidden_repeats})"

    @property
    def key_text(self) -> str:
        """An SQL expression that differs for rows that differ in the key."""
        return " || '|' || ".join(f"{column.name}::text" for column in self.key)

    def new_name(self) -> str:
        """A column name that was never used."""
        self.next_column += 1
        return f"c{self.next_column}"

    def numbers(self, count: int) -> tuple[int, int]:
        """A range of numbers no row of a series has had yet."""
        first = self.next_number + 1
        self.next_number += count
        return first, self.next_number

    def create(self) -> tuple[str, ...]:
        """The statements that make it."""
        lines = [
            f"{column.name} {column.kind.sql}{' NOT NULL' if column.is_not_null else ''}"
            for column in self.columns
        ]
        if self.generated:
            lines.append(f"made text GENERATED ALWAYS AS ({self.generated}) STORED")
        if self.hidden_repeats:
            lines.append(f"hidden text DEFAULT {self.hidden_value}")
        key = ", ".join(column.name for column in self.key)
        if self.is_partitioned:
            return self._create_partitioned(lines, key)
        unique = f"CREATE UNIQUE INDEX {self.name}_unique ON {self.name} ({key})"
        if self.identity == "INDEX":
            made = (f"CREATE TABLE {self.name} ({', '.join(lines)})", unique)
            how = f"USING INDEX {self.name}_unique"
        else:
            made = (f"CREATE TABLE {self.name} ({', '.join(lines)}, PRIMARY KEY ({key}))",)
            how = self.identity
        identity = f"ALTER TABLE {self.name} REPLICA IDENTITY {how}"
        return (*made, identity, *self._storage())

    def _create_partitioned(self, lines: list[str], key: str) -> tuple[str, ...]:
        """Partitions take the storage of columns over, so they are made last."""
        made = f"CREATE TABLE {self.name} ({', '.join(lines)}, PRIMARY KEY ({key}))"
        partitions = (
            f"CREATE TABLE {self.name}_{number} PARTITION OF {self.name}"
            f" FOR VALUES WITH (MODULUS {PARTITION_COUNT}, REMAINDER {number})"
            for number in range(PARTITION_COUNT)
        )
        return (f"{made} PARTITION BY HASH ({self.key[0].name})", *self._storage(), *partitions)

    def _storage(self) -> tuple[str, ...]:
        large = [column.name for column in self.columns if column.kind is LARGE]
        large += ["hidden"] if self.hidden_repeats else []
        return tuple(f"ALTER TABLE {self.name} ALTER {name} SET STORAGE EXTERNAL" for name in large)

    @property
    def published(self) -> str:
        """As ALTER PUBLICATION … ADD TABLE names it."""
        return f"{self.name} WHERE ({self.row_filter})" if self.row_filter else self.name


def random_table(chance: Random, name: str, prefix: str, outline: Outline) -> Table:
    """A first form: one to three key columns, and up to nine others."""
    table = Table(name, [], chance.choice(("DEFAULT", "DEFAULT", "FULL", "INDEX")))
    small = chance.random() < 0.25
    for number in range(chance.choice((1, 1, 1, 2, 3))):
        # The first column of a key of several may repeat; together they do not.
        kind = INT2 if small and number else chance.choice(KEYS)
        table.columns.append(Column(table.new_name(), kind, is_key=True, is_not_null=True))
    kinds = (*KINDS, *own_kinds(prefix), LARGE, LARGE, INT4, VARCHAR, TEXT)
    for _ in range(chance.randrange(1, 10)):
        column = Column(table.new_name(), chance.choice(kinds))
        column.is_not_null = chance.random() < 0.2
        table.columns.append(column)
    first = table.key[0]
    if chance.random() < 0.15 and first.kind in (INT4, INT8):
        table.generated = f"'made of ' || {first.name}"
    if outline.is_filtered and first.kind in (INT4, INT8):
        table.row_filter = f"{first.name} % 3 <> 0"
    if outline.is_partitioned and first.kind in PARTITION_KEYS:
        table.is_partitioned, table.identity = True, "DEFAULT"
    if outline.hidden:
        table.hidden_repeats = chance.choice(HIDDEN_REPEATS)
    if chance.random() < 0.2:
        chance.shuffle(table.columns)
    return table
