"""What a store needs once it answers: migrations, a bucket, an index, a key.

Run as `python -m stores.local.set_up STORE...` after every start, in a process of its own:
the supervisor stays small and loads no driver. All of it is repeatable. Exit status 2
means that trying again cannot help.
"""

import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from stores.errors import PermanentError, PlatformError
from stores.local.managed import PERMANENT_EXIT_STATUS
from stores.settings import load_settings

LOCAL_KEY_NAME = "local-stack"
LOCAL_REQUESTS_PER_MINUTE = 1_000_000
LOCAL_EVENTS_PER_MINUTE = 100_000_000


def postgres() -> None:
    """The database, its migrations, and the key of the local stack."""
    from stores.postgres import client

    settings = load_settings()
    _create_database(settings.require("database_url"))
    applied = client.migrate()
    with client.connect() as connection:
        if settings.api_key:
            _make_local_key(connection, settings.api_key)
    print(f"set-up: {len(applied)} migrations applied")


def _make_local_key(connection: Any, key: str) -> None:
    """With every scope that there is now, and limits that a load or a benchmark does not meet."""
    from stores.postgres import api_keys

    found = api_keys.verify(connection, key)
    if found is not None and found.scopes == set(api_keys.SCOPES) and found.events_per_minute:
        return
    limits = api_keys.Limits(LOCAL_REQUESTS_PER_MINUTE, LOCAL_EVENTS_PER_MINUTE)
    api_keys.create(connection, LOCAL_KEY_NAME, api_keys.SCOPES, key, limits=limits)


def _create_database(url: str) -> None:
    from psycopg import sql

    from stores.postgres.client import connect

    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    try:
        connect(url).close()
        return
    except PlatformError as error:
        if f'database "{name}" does not exist' not in str(error):
            raise
    with connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def clickhouse() -> None:
    """Its migrations."""
    from stores.clickhouse.client import migrate

    print(f"set-up: {len(migrate())} migrations applied")


def object_store() -> None:
    """The bucket and its rules."""
    from stores.object_store.client import configure_bucket

    print(f"set-up: bucket {configure_bucket()} configured")


def search() -> None:
    """An index of transcripts; `stores.search.indexer` fills it and keeps it filled."""
    from stores.search.transcripts import ensure

    print(f"set-up: the index of transcripts was {'made' if ensure() else 'there'}")


SET_UPS: dict[str, Callable[[], None]] = {
    "postgres": postgres,
    "clickhouse": clickhouse,
    "object-store": object_store,
    "search": search,
}


def main(names: list[str]) -> int:
    """Set up stores, in this order; the exit status."""
    try:
        for name in names:
            SET_UPS[name]()
    except PlatformError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return PERMANENT_EXIT_STATUS if isinstance(error, PermanentError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
