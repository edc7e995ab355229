"""The API for those who sign in, over the session's stores, with a database of its own.

Belongs here: serving it, reading the mail it would send, and making users as they are needed. Its
ways to PostgreSQL and Redis can be cut; the test's own go past them.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from fix_proxy import Wire
from fix_stack import RunningStack
from fix_usage import own_database
from psycopg.types.json import Jsonb

from serving.app import create_app
from serving.identity import sign_in
from stores.postgres import mail
from stores.postgres.client import connect

PASSWORD = "correct horse battery staple"


@dataclass
class IdentitySite:
    """The API and what is behind it."""

    app: FastAPI
    client: TestClient
    database_url: str
    secret: str
    postgres: Wire
    redis: Wire

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What a statement answers."""
        with connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def post(self, path: str, **body: Any) -> Any:
        """A request of JSON to an address of sign-in."""
        return self.client.post(f"/v1/auth/{path}", json=body)

    def mails(self, email: str) -> list[mail.Mail]:
        """What waits for this address, the oldest first."""
        with connect(self.database_url) as connection:
            found = mail.waiting(connection, self.secret)
        return [each for each in found if each.recipient == email]

    def mailed_token(self, email: str) -> str:
        """The token of the last mail to this address."""
        token = self.mails(email)[-1].token
        assert token is not None
        return token

    def make_user(self, role: str = "recruiter") -> str:
        """A verified user with a role and PASSWORD; the address."""
        email = f"{uuid.uuid4().hex}@example.com"
        assert self.post("register", email=email, password=PASSWORD).status_code == 202
        token = self.mailed_token(email)
        assert self.post("verify-email", token=token).status_code == 204
        self.sql(
            "UPDATE user_roles SET role_id = (SELECT id FROM roles WHERE name = %s)"
            " WHERE user_id = (SELECT id FROM users WHERE email = %s)",
            role,
            email,
        )
        return email

    def log_in(self, email: str, device: str = "a test") -> dict[str, Any]:
        """The tokens of a new session."""
        found = self.post("login", email=email, password=PASSWORD, device=device)
        assert found.status_code == 200, found.text
        return found.json()


@pytest.fixture(scope="module")
def _identity_site(session_stack: RunningStack, _template: str) -> Iterator[IdentitySite]:
    values = session_stack.environment
    with own_database(values["DATABASE_URL"], _template) as database_url:
        roles = {
            "recruiter": {"interviews": "write", "responses": "read", "billing": "read"},
            "operator": {"scopes": ["admin"]},
        }
        with connect(database_url) as connection:
            for name, permissions in roles.items():
                connection.execute(
                    "INSERT INTO roles (name, permissions) VALUES (%s, %s)",
                    [name, Jsonb(permissions)],
                )
        wires = Wire(database_url), Wire(values["REDIS_URL"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("INTERVIEW_DATA_HOME", str(session_stack.home.path))
            patch.setenv("DATABASE_URL", wires[0].url)
            patch.setenv("REDIS_URL", wires[1].url)
            app = create_app()
            with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
                yield IdentitySite(app, client, database_url, values["AUTH_SECRET"], *wires)
        for wire in wires:
            wire.close()


@pytest.fixture
def identity(
    _identity_site: IdentitySite, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IdentitySite]:
    """The API with an empty Redis; users of other tests are there."""
    monkeypatch.setenv("DATABASE_URL", _identity_site.postgres.url)
    monkeypatch.setenv("REDIS_URL", _identity_site.redis.url)
    monkeypatch.setattr(sign_in, "SAME_TIME_SECONDS", 0.0)
    yield _identity_site
    _identity_site.postgres.up()
    _identity_site.redis.up()
