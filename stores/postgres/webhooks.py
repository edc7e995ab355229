"""Webhooks as they are kept: endpoints, deliveries and attempts, for whoever manages them.

Belongs here: the tables of that name, read and changed from the event loop. What is due and how
it went belongs to `webhook_queue`, sending to `serving.webhooks`.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from stores.postgres.pool import AsyncPool
from stores.sealing import seal, unseal
from stores.settings import load_settings

SECRET_BYTES = 32
SECRET_PURPOSE = "webhook secrets"  # noqa: S105  it names them, and is none
DELIVERIES_LIMIT = 200
_ENDPOINT = "id, user_id, url, description, event_types, is_active, created_at"
_DELIVERY = (
    "deliveries.id, endpoint_id, event_id, event_type, state, attempt_count, next_attempt_at,"
    " deliveries.created_at, finished_at, last.status_code AS last_status_code,"
    " coalesce(last.problem, '') AS last_problem"
)
_LAST = (
    " LEFT JOIN platform.webhook_attempts AS last"
    " ON last.delivery_id = deliveries.id AND last.number = deliveries.attempt_count"
)
# None as the tenant means every tenant.
_OF_TENANT = "(%(user_id)s::uuid IS NULL OR user_id = %(user_id)s)"


@dataclass(frozen=True)
class Endpoint:
    """Where to tell, and of what. `user_id` None: of every user."""

    id: UUID
    user_id: UUID | None
    url: str
    description: str
    event_types: list[str]
    is_active: bool
    created_at: datetime


@dataclass(frozen=True)
class Delivery:
    """An event on its way to an endpoint."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    state: Literal["pending", "delivered", "dead"]
    attempt_count: int
    next_attempt_at: datetime
    created_at: datetime
    finished_at: datetime | None
    last_status_code: int | None
    last_problem: str


@dataclass(frozen=True)
class Attempt:
    """One try."""

    number: int
    attempted_at: datetime
    duration_ms: int
    status_code: int | None
    problem: str


async def create(
    pool: AsyncPool, identity: UUID, user_id: UUID | None, values: dict[str, Any]
) -> tuple[Endpoint, bytes]:
    """A new endpoint and its secret, which cannot be read back; made twice it is made once."""
    sealed_with = load_settings().require("auth_secret")
    rows = await pool.rows(
        "INSERT INTO platform.webhook_endpoints AS known"
        " (id, user_id, url, description, event_types, sealed_secret)"
        " VALUES (%(id)s, %(user_id)s, %(url)s, %(description)s, %(event_types)s, %(sealed)s)"
        " ON CONFLICT (id) DO UPDATE SET url = known.url"
        f" RETURNING {_ENDPOINT}, sealed_secret",
        {
            "id": identity,
            "user_id": user_id,
            "sealed": seal(sealed_with, SECRET_PURPOSE, secrets.token_bytes(SECRET_BYTES)),
            **values,
        },
    )
    secret = unseal(sealed_with, SECRET_PURPOSE, bytes(rows[0].pop("sealed_secret")))
    return Endpoint(**rows[0]), secret


async def endpoints(
    pool: AsyncPool, user_id: UUID | None, identity: UUID | None = None
) -> list[Endpoint]:
    """A tenant's, or everybody's; or the one of this id, if it is the tenant's."""
    rows = await pool.rows(
        f"SELECT {_ENDPOINT} FROM platform.webhook_endpoints WHERE {_OF_TENANT}"
        " AND (%(id)s::uuid IS NULL OR id = %(id)s) ORDER BY created_at, id",
        {"user_id": user_id, "id": identity},
    )
    return [Endpoint(**row) for row in rows]


async def change(pool: AsyncPool, identity: UUID, values: dict[str, Any]) -> None:
    """Write those of url, description, event_types and is_active that are not None."""
    await pool.rows(
        "UPDATE platform.webhook_endpoints SET url = coalesce(%(url)s, url),"
        " description = coalesce(%(description)s, description),"
        " event_types = coalesce(%(event_types)s, event_types),"
        " is_active = coalesce(%(is_active)s, is_active) WHERE id = %(id)s",
        {"url": None, "description": None, "event_types": None, "is_active": None}
        | values
        | {"id": identity},
    )


async def remove(pool: AsyncPool, identity: UUID) -> None:
    """With its deliveries."""
    await pool.rows("DELETE FROM platform.webhook_endpoints WHERE id = %s", [identity])


async def deliveries(
    pool: AsyncPool,
    endpoint_id: UUID | None,
    state: str | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = DELIVERIES_LIMIT,
) -> list[Delivery]:
    """The newest first, from the one before `before`; of one endpoint or of all."""
    at, identity = before or (None, None)
    rows = await pool.rows(
        f"SELECT {_DELIVERY} FROM platform.webhook_deliveries AS deliveries{_LAST}"
        " WHERE (%(endpoint_id)s::uuid IS NULL OR endpoint_id = %(endpoint_id)s)"
        " AND (%(state)s::text IS NULL OR state = %(state)s)"
        " AND (%(at)s::timestamptz IS NULL"
        "      OR (deliveries.created_at, deliveries.id) < (%(at)s, %(id)s::uuid))"
        " ORDER BY deliveries.created_at DESC, deliveries.id DESC LIMIT %(limit)s",
        {"endpoint_id": endpoint_id, "state": state, "at": at, "id": identity, "limit": limit},
    )
    return [Delivery(**row) for row in rows]


async def delivery(pool: AsyncPool, identity: UUID) -> tuple[Delivery, list[Attempt]] | None:
    """One, with its history."""
    rows = await pool.rows(
        f"SELECT {_DELIVERY} FROM platform.webhook_deliveries AS deliveries{_LAST}"
        " WHERE deliveries.id = %s",
        [identity],
    )
    if not rows:
        return None
    tries = await pool.rows(
        "SELECT number, attempted_at, duration_ms, status_code, problem"
        " FROM platform.webhook_attempts WHERE delivery_id = %s ORDER BY number",
        [identity],
    )
    return Delivery(**rows[0]), [Attempt(**row) for row in tries]


async def replay(
    pool: AsyncPool,
    tries: int,
    *,
    endpoint_id: UUID | None = None,
    ids: Sequence[UUID] = (),
    state: str | None = None,
) -> int:
    """Let deliveries be tried anew, now; how many. Those under way are left as they are."""
    rows = await pool.rows(
        "UPDATE platform.webhook_deliveries SET state = 'pending', tries_left = %(tries)s,"
        " next_attempt_at = now(), finished_at = NULL"
        " WHERE state <> 'pending' AND (%(endpoint_id)s::uuid IS NULL"
        " OR endpoint_id = %(endpoint_id)s)"
        " AND (%(state)s::text IS NULL OR state = %(state)s)"
        " AND (cardinality(%(ids)s::uuid[]) = 0 OR id = ANY(%(ids)s)) RETURNING id",
        {"tries": tries, "endpoint_id": endpoint_id, "ids": list(ids), "state": state},
    )
    return len(rows)
