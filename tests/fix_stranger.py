"""Somebody else's production database: no schema of ours, a role that may read and replicate.

Belongs here: making and dropping it. What is in it is the test's.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from fix_stack import RunningStack

from stores.postgres.client import connect

PASSWORD = "s3cret/of:the@stranger"


@dataclass(frozen=True)
class Stranger:
    """A database, its owner and the role that captures it."""

    name: str
    owner_url: str
    url: str

    def sql(self, *statements: str) -> None:
        """Run statements as the owner, each its own transaction."""
        with connect(self.owner_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture
def stranger(stack: RunningStack) -> Iterator[Stranger]:
    """An empty database with a role of the same name: LOGIN and REPLICATION, no other right."""
    server = stack.environment["DATABASE_URL"]
    name = f"stranger_{time.monotonic_ns()}"
    with connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        connection.execute(f"CREATE ROLE {name} LOGIN REPLICATION PASSWORD '{PASSWORD}'".encode())
    parts = urlsplit(server)
    address = f"{name}:{quote(PASSWORD, safe='')}@{parts.hostname}:{parts.port}"
    owner_url = urlunsplit(parts._replace(path=f"/{name}"))
    yield Stranger(name, owner_url, urlunsplit(parts._replace(netloc=address, path=f"/{name}")))
    with connect(server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
            " WHERE database = %s AND active",
            [name],
        )
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE database = %s",
            [name],
        )
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        connection.execute(f"DROP ROLE {name}".encode())
