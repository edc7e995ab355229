"""Interviews in PostgreSQL, a client that may read them, and the watch over their cache.

Belongs here: what the tests of reading interviews share.
"""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from fix_api import serving

from ingestion.interview_cache import InterviewCacheWatch
from serving.app import create_app
from stores.postgres import api_keys
from stores.postgres.client import connect
from stores.settings import REPOSITORY


class Interviewing:
    """Makes and changes interviews as the product would."""

    def __init__(self, postgres_url: str) -> None:
        self.url = postgres_url
        self.user_id = self.make_user("recruiter@example.com")

    def execute(self, sql: str, *parameters: Any) -> list[Any]:
        """One statement, committed; its rows."""
        with connect(self.url, autocommit=True) as connection:
            done = connection.execute(sql.encode(), parameters)
            return done.fetchall() if done.description else []

    def make_user(self, email: str) -> UUID:
        """A customer's id."""
        [(found,)] = self.execute(
            "INSERT INTO users (email, password_hash) VALUES (%s, 'x') RETURNING id", email
        )
        return UUID(str(found))

    def make(self, title: str = "Backend engineer", status: str = "active", **more: Any) -> UUID:
        """An interview with two questions; its id."""
        [(found,)] = self.execute(
            "INSERT INTO interviews (title, created_by, status, expires_at)"
            " VALUES (%s, %s, %s, %s) RETURNING id",
            title,
            more.get("user_id", self.user_id),
            status,
            more.get("expires_at"),
        )
        self.execute(
            "INSERT INTO questions (interview_id, text, type, order_index)"
            " VALUES (%s, 'Who are you?', 'video', 1), (%s, 'Why us?', 'audio', 2)",
            found,
            found,
        )
        return UUID(str(found))

    def key(self, name: str, scopes: list[str], user_id: UUID | None = None) -> dict[str, str]:
        """The header of a key, of a tenant where one is given."""
        with connect(self.url) as connection:
            made = api_keys.create(connection, name, scopes)
            if user_id is not None:
                connection.execute(
                    "UPDATE platform.api_keys SET user_id = %s WHERE name = %s", [user_id, name]
                )
        return {"Authorization": f"Bearer {made}"}


def build_operational_models(interviewing: Interviewing) -> None:
    """As views, which is what dbt makes of them."""
    interviewing.execute("CREATE SCHEMA IF NOT EXISTS operational")
    for file in sorted((REPOSITORY / "dbt" / "operational" / "models").glob("*.sql")):
        sql = re.sub(r"\{\{ source\('postgres', '(\w+)'\) \}\}", r"public.\1", file.read_text())
        sql = sql.replace("{{ this_moment() }}", "now()")
        if "{" not in sql:
            interviewing.execute(f"CREATE VIEW operational.{file.stem} AS {sql}")


@pytest.fixture
def interviewing(postgres_url: str) -> Interviewing:
    """In a database of the test's own."""
    return Interviewing(postgres_url)


@pytest.fixture
def reads(interviewing: Interviewing, redis_url: str, event_bus_url: str) -> Iterator[httpx.Client]:
    """The API over HTTP, with a key that may read every tenant's interviews."""
    headers = interviewing.key("reader", ["interviews:read", "analytics:read"])
    with (
        serving(create_app()) as url,
        httpx.Client(base_url=url, headers=headers, timeout=60) as client,
    ):
        yield client


Watching = Callable[[], Any]


@pytest.fixture
def watching(postgres_url: str, redis_url: str) -> Watching:
    """A context in which changes are taken out of the cache."""

    @contextmanager
    def watch() -> Iterator[None]:
        stop = threading.Event()
        thread = InterviewCacheWatch(stop, postgres_url, redis_url)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(20)
            assert not thread.is_alive()

    return watch
