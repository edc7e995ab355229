"""How ClickHouse is reached and migrated.

Belongs here: opening clients and applying `migrations/`. Queries belong to those who ask them.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from clickhouse_connect.driver.external import ExternalData

from stores.errors import StoreUnavailable
from stores.migrations import pending, read_migrations
from stores.settings import load_settings

MIGRATIONS = Path(__file__).parent / "migrations"
CONNECT_TIMEOUT_SECONDS = 5

# What callers catch, hold and pass, so that they need not import the driver.
Error = ClickHouseError
ClickHouseClient = Client
ExternalTable = ExternalData


def connect(url: str | None = None, **options: Any) -> Client:
    """A client of `url` (a clickhouse-connect dsn), by default CLICKHOUSE_URL.

    No session is made unless `session_id` is given; without one a client serves any number of
    threads, with one a single thread at a time.
    Raises SettingInvalid where the setting is missing, StoreUnavailable where nobody answers.
    """
    target = url or load_settings().require("clickhouse_url")
    options.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    options.setdefault("autogenerate_session_id", False)
    try:
        return clickhouse_connect.get_client(
            dsn=target, secure=urlsplit(target).scheme in ("https", "clickhouses"), **options
        )
    except OperationalError as error:
        raise StoreUnavailable(f"CLICKHOUSE_URL: ClickHouse does not answer: {error}") from error


def migrate(url: str | None = None) -> list[str]:
    """Apply what is pending, statement by statement. Returns the names applied.

    ClickHouse has no transaction around DDL, so every statement of a migration must be
    repeatable (IF NOT EXISTS): a migration that was cut off runs again from its start.
    """
    client = connect(url)
    client.command("CREATE DATABASE IF NOT EXISTS platform ENGINE = Atomic")
    client.command(
        "CREATE TABLE IF NOT EXISTS platform.schema_migrations (name String, digest String,"
        " applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY name"
    )
    rows = client.query("SELECT name, digest FROM platform.schema_migrations").result_rows
    todo = pending(read_migrations(MIGRATIONS), {str(name): str(digest) for name, digest in rows})
    for migration in todo:
        for statement in statements(migration.sql):
            client.command(statement)
        client.insert(
            "platform.schema_migrations",
            [[migration.name, migration.digest]],
            column_names=["name", "digest"],
        )
    return [migration.name for migration in todo]


def statements(sql: str) -> list[str]:
    """Split a migration at semicolons that end a line; our migrations keep to that form."""
    return [part.strip() for part in sql.split(";\n") if part.strip()]
