"""The tables of a story: their columns as the story believes them to be, and their first form.

Belongs here: the model and CREATE TABLE. What happens to a table later belongs to `changes`.
"""

from dataclasses import dataclass, field
from random import Random

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
    options: tuple[str, ...] = field(default=())

    @property
    def key(self) -> list[Column]:
        """What tells rows apart."""
        return [column for column in self.columns if column.is_key]

    @property
    def others(self) -> list[Column]:
        """What is not of the key."""
        return [column for column in self.columns if not column.is_key]

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
        key = ", ".join(column.name for column in self.key)
        unique = f"CREATE UNIQUE INDEX {self.name}_unique ON {self.name} ({key})"
        if self.identity == "INDEX":
            made = (f"CREATE TABLE {self.name} ({', '.join(lines)})", unique)
            how = f"USING INDEX {self.name}_unique"
        else:
            made = (f"CREATE TABLE {self.name} ({', '.join(lines)}, PRIMARY KEY ({key}))",)
            how = self.identity
        identity = f"ALTER TABLE {self.name} REPLICA IDENTITY {how}"
        storage = tuple(
            f"ALTER TABLE {self.name} ALTER {column.name} SET STORAGE EXTERNAL"
            for column in self.columns
            if column.kind is LARGE
        )
        return (*made, identity, *storage)


def random_table(chance: Random, name: str, prefix: str) -> Table:
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
    if chance.random() < 0.15 and table.key[0].kind in (INT4, INT8):
        table.generated = f"'made of ' || {table.key[0].name}"
    if chance.random() < 0.2:
        chance.shuffle(table.columns)
    return table
