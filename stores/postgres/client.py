"""How PostgreSQL is reached and migrated.

Belongs here: opening connections and applying `migrations/`. Queries belong to those who ask them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from stores.errors import StoreUnavailable
from stores.migrations import Migration, pending, read_migrations
from stores.settings import load_settings

MIGRATIONS = Path(__file__).parent / "migrations"
CONNECT_TIMEOUT_SECONDS = 5
# Any constant does, as long as nobody else locks it: two `up` must not migrate at once.
_MIGRATION_LOCK = 7_240_613_001

# What callers name and catch, so that they need not import the driver.
Connection = psycopg.Connection[TupleRow]
Error = psycopg.Error
IntegrityError = psycopg.IntegrityError
OperationalError = psycopg.OperationalError
LockNotAvailable = psycopg.errors.LockNotAvailable


def connect(
    url: str | None = None, *, autocommit: bool = False, **options: Any
) -> psycopg.Connection[TupleRow]:
    """A connection to `url`, by default DATABASE_URL.

    Raises SettingInvalid where the setting is missing, StoreUnavailable naming setting or address
    where nobody answers.
    """
    target = url or load_settings().require("database_url")
    options.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    try:
        return psycopg.connect(target, autocommit=autocommit, **options)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"{name_of(url)}: PostgreSQL does not answer: {error}") from error


def name_of(url: str | None) -> str:
    """What a message calls the database: the setting where that names it, else its address,
    without user and password."""
    mine = load_settings().database_url
    if url is None or (mine is not None and _address(url) == _address(mine)):
        return "DATABASE_URL"
    return _address(url)


def _address(url: str) -> str:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "PostgreSQL"
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{parts.get('host') or 'localhost'}{port}/{parts.get('dbname') or ''}"


def migrate(url: str | None = None) -> list[str]:
    """Apply what is pending, each migration in one transaction. Returns the names applied."""
    with connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        connection.execute("CREATE SCHEMA IF NOT EXISTS platform")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS platform.schema_migrations ("
            " name text PRIMARY KEY, digest text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
        todo = pending(read_migrations(MIGRATIONS), _applied(connection))
        for migration in todo:
            _apply(connection, migration)
        return [migration.name for migration in todo]


def _applied(connection: psycopg.Connection[TupleRow]) -> Mapping[str, str]:
    return dict(
        connection.execute("SELECT name, digest FROM platform.schema_migrations").fetchall()
    )


def _apply(connection: psycopg.Connection[TupleRow], migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql.encode())
        connection.execute(
            "INSERT INTO platform.schema_migrations (name, digest) VALUES (%s, %s)",
            [migration.name, migration.digest],
        )
