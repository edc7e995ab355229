"""Numbered, frozen migrations: which files there are, which have run, and that none has changed.

Belongs here: what PostgreSQL and ClickHouse migrations have in common. How one is executed
and where its name is kept belongs to the store's own `client.py`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stores.errors import StateConflict

_NAME = re.compile(r"^\d{4}_[a-z0-9_]+\.sql$")


@dataclass(frozen=True)
class Migration:
    """One numbered file: `name` is its file name, `digest` the SHA-256 of its text."""

    name: str
    sql: str
    digest: str


def read_migrations(folder: Path) -> list[Migration]:
    """The migrations in `folder`, in number order.

    Raises StateConflict on a bad or doubled number.
    """
    found: list[Migration] = []
    numbers: set[str] = set()
    for path in sorted(folder.glob("*.sql")):
        if not _NAME.match(path.name):
            raise StateConflict(f"{path.name}: a migration is named 0001_what_it_does.sql")
        number = path.name[:4]
        if number in numbers:
            raise StateConflict(f"{path.name}: number {number} is taken; give it the next free one")
        numbers.add(number)
        sql = path.read_text()
        found.append(Migration(path.name, sql, hashlib.sha256(sql.encode()).hexdigest()))
    return found


def pending(migrations: list[Migration], applied: Mapping[str, str]) -> list[Migration]:
    """Those not yet in `applied` (name -> digest).

    Raises StateConflict where an applied file has since been edited or is gone.
    """
    known = {migration.name: migration.digest for migration in migrations}
    for name, digest in applied.items():
        if name not in known:
            raise StateConflict(f"{name} was applied here but is not in this version of the code")
        if known[name] != digest:
            raise StateConflict(f"{name} was changed after it was applied; write a new migration")
    return [migration for migration in migrations if migration.name not in applied]
