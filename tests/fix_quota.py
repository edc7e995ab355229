"""Customers with plans, and the API that gives out what they may use.

Belongs here: making plans and users in PostgreSQL, and asking the API over HTTP. What is checked
is the test's.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import urllib3

from stores.postgres import api_keys
from stores.postgres.client import connect


def new_customer(url: str, limits: Any, user_id: UUID | None = None) -> UUID:
    """A user with an active subscription to a plan of these limits."""
    user = user_id or uuid.uuid4()
    plan, now = uuid.uuid4(), datetime.now(UTC)
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO users (id, email, password_hash) VALUES (%s, %s, '!')",
            [user, f"{user}@example.org"],
        )
        connection.execute(
            "INSERT INTO subscription_plans (id, name, price, billing_interval, limits, features)"
            " VALUES (%s, 'pro', 99, 'month', %s, '[]')",
            [plan, json.dumps(limits)],
        )
        connection.execute(
            "INSERT INTO subscriptions (user_id, plan_id, status, current_period_start,"
            " current_period_end) VALUES (%s, %s, 'active', %s, %s)",
            [user, plan, now - timedelta(days=3), now + timedelta(days=27)],
        )
    return user


def change_limits(url: str, user: UUID, limits: Any) -> None:
    """As a customer does who takes another plan."""
    with connect(url) as connection:
        connection.execute(
            "UPDATE subscription_plans SET limits = %s WHERE id ="
            " (SELECT plan_id FROM subscriptions WHERE user_id = %s)",
            [json.dumps(limits), user],
        )


def ledger_used(url: str, user: UUID) -> int:
    """What usage_tracking says was used, of everything."""
    with connect(url) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(count), 0) FROM usage_tracking WHERE user_id = %s", [user]
        ).fetchone()
    return int(row[0]) if row else 0


@dataclass
class QuotaApi:
    """The API at `url`, asked with a key."""

    url: str
    key: str
    database_url: str
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=50, retries=False, timeout=30)
    )

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, Any]:
        """Status, body and headers of the answer."""
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        answer = self.pool.request(
            method, f"{self.url}{path}", body=data, headers=sent | (headers or {})
        )
        found = json.loads(answer.data) if answer.data else None
        return answer.status, found, answer.headers

    def consume(
        self, user: UUID, amount: Any = 1, key: str = "", resource: str = "interviews"
    ) -> tuple[int, Any]:
        """Status and body."""
        return self._post("/v1/quota/consume", user, amount, key, resource)

    def reserve(
        self, user: UUID, amount: Any = 1, key: str = "", resource: str = "interviews", **more: Any
    ) -> tuple[int, Any]:
        """Status and body."""
        return self._post("/v1/quota/reservations", user, amount, key, resource, **more)

    def _post(
        self, path: str, user: UUID, amount: Any, key: str, resource: str, **more: Any
    ) -> tuple[int, Any]:
        body = {"user_id": str(user), "resource": resource, "amount": amount, **more}
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        status, found, _ = self.ask("POST", path, body, headers)
        return status, found

    def end(self, reservation: str, how: str, body: Any = None) -> tuple[int, Any]:
        """`commit` or `release`."""
        path = f"/v1/quota/reservations/{reservation}/{how}"
        status, found, _ = self.ask("POST", path, body)
        return status, found

    def standing(self, user: UUID, resource: str = "interviews") -> dict[str, Any]:
        """The entitlement of a resource."""
        status, found, _ = self.ask("GET", f"/v1/entitlements/{user}")
        assert status == 200, found
        return next(item for item in found["resources"] if item["resource"] == resource)

    def as_tenant(self, user: UUID) -> "QuotaApi":
        """Asked with a key that is bound to a user."""
        with connect(self.database_url) as connection:
            key = api_keys.create(
                connection, f"tenant {user}", api_keys.TENANT_SCOPES, user_id=user
            )
        return QuotaApi(self.url, key, self.database_url, self.pool)


@pytest.fixture
def quota_api(api_url: str, postgres_url: str) -> Iterator[QuotaApi]:
    """The API over the session's stores, with a key that may do everything and is not slowed."""
    with connect(postgres_url) as connection:
        limits = api_keys.Limits(requests_per_minute=1_000_000)
        key = api_keys.create(connection, "quota", api_keys.SCOPES, limits=limits)
    made = QuotaApi(api_url, key, postgres_url)
    yield made
    made.pool.clear()
