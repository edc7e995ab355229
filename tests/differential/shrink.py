"""The shortest part of a story after which a table still differs.

Belongs here: telling parts of a story again, each in a database of its own, without kills. What
differs only when something is killed, or while the snapshot is read, cannot be shortened so.
"""

import time
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

from fix_stack import RunningStack

from differential.oracle import compare
from differential.story import Story, copy_rows
from differential.values import own_types
from ingestion.cdc.run import drain
from ingestion.cdc.run import options as capture_options
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import PlatformError
from stores.postgres.client import Connection, Error, connect

PUBLICATION = "shrunk"
TRIAL_SECONDS = 15.0


def shrink(stack: RunningStack, story: Story, table: str, seconds: float) -> list[str]:
    """The statements that are left; empty where the whole does not differ when told so."""
    told = [line for line in story.log if "  -- failed: " not in line]
    first = next(n for n, line in enumerate(told) if "ALTER PUBLICATION" in line)
    before, after = told[:first], told[first + 1 :]
    deadline = time.monotonic() + seconds
    if not _differs(stack, story, table, [*before, "|", *after]):
        return []
    lines = [*before, "|", *after]
    size = max(len(lines) // 2, 1)
    while size and time.monotonic() < deadline:
        start = 0
        while start < len(lines) and time.monotonic() < deadline:
            part = lines[start : start + size]
            fixed = [line for line in part if line == "|" or "CREATE TABLE" in line]
            rest = [*lines[:start], *fixed, *lines[start + size :]]
            if len(rest) < len(lines) and _differs(stack, story, table, rest):
                lines = rest
            else:
                start += size
        size //= 2
    return lines


def _differs(stack: RunningStack, story: Story, table: str, lines: list[str]) -> bool:
    """Whether the table differs after these lines; those before `|` are the snapshot's."""
    server = stack.environment["DATABASE_URL"]
    name = f"shrunk_{time.monotonic_ns()}"
    url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        connection.execute(f"ALTER DATABASE {name} SET logical_decoding_work_mem = '64kB'".encode())
    options = capture_options(
        source_url=url,
        clickhouse_url=stack.environment["CLICKHOUSE_URL"],
        publication=PUBLICATION,
        slot=name,
        target_database=name,
    )
    client = connect_clickhouse(options.clickhouse_url)
    sessions: dict[str, Connection] = {}
    try:
        with connect(url, autocommit=True) as connection:
            for statement in own_types(story.prefix):
                connection.execute(statement.encode())
        for line in lines:
            if line == "|":
                with connect(url, autocommit=True) as connection:
                    connection.execute(
                        f"CREATE PUBLICATION {PUBLICATION} FOR ALL TABLES"
                        " WITH (publish_via_partition_root)".encode()
                    )
                drain(TRIAL_SECONDS, options)
                continue
            number, statement = line.split(": ", 1)
            if number not in sessions:
                sessions[number] = connect(url, autocommit=True)
            _run(sessions[number], statement)
        for connection in sessions.values():
            connection.close()
        drain(TRIAL_SECONDS, options)
        return compare(url, table, client, name) is not None
    except (PlatformError, Error):
        return True
    finally:
        for connection in sessions.values():
            connection.close()
        with suppress(Error), connect(server, autocommit=True) as connection:
            connection.execute(b"SELECT pg_drop_replication_slot(%s)", [name])
        with suppress(Error), connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        for database in (name, f"{name}_log"):
            client.command(f"DROP DATABASE IF EXISTS `{database}` SYNC")


def _run(connection: Connection, statement: str) -> None:
    """A statement may fail now that others are left out."""
    with suppress(Error):
        connection.execute(b"SET lock_timeout = '40ms'")
        if statement.startswith("COPY "):
            copy_rows(connection, statement)
        else:
            connection.execute(statement.encode())
