"""What is to be told to whom, and how it went: the sender's side of webhooks.

Belongs here: from a noted threshold to a domain event and its deliveries, taking what is due and
writing what became of it. Several senders may run: what one has taken the others leave alone, and
what it took and did not settle is due again after a while. So a message may arrive twice, with the
same `webhook-id`, and none is lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5

import orjson

from stores.postgres import event_store
from stores.postgres.client import Connection
from stores.postgres.webhooks import SECRET_PURPOSE
from stores.sealing import unseal
from stores.settings import load_settings

THRESHOLD_REACHED: Final = "quota.threshold_reached"
EVENT_TYPES = (THRESHOLD_REACHED,)
AGGREGATE_TYPE = "quota"
LEASE_SECONDS = 60
_TELL_LIMIT = 100

_UNTOLD = """
SELECT user_id, resource_type, month, threshold_percent, used_count, limit_count, plan_name,
    reached_at
FROM platform.quota_notices WHERE told_at IS NULL
ORDER BY reached_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
_TOLD = """
UPDATE platform.quota_notices SET told_at = now()
WHERE user_id = %s AND resource_type = %s AND month = %s AND threshold_percent = %s
"""
_ENQUEUE = """
INSERT INTO platform.webhook_deliveries (endpoint_id, event_id, event_type, body, tries_left)
SELECT id, %(event_id)s, %(event_type)s::text, %(body)s, %(tries)s FROM platform.webhook_endpoints
WHERE is_active AND (user_id IS NULL OR user_id = %(user_id)s)
    AND %(event_type)s::text = ANY(event_types)
ON CONFLICT (endpoint_id, event_id) DO NOTHING
"""
_TAKE = f"""
WITH due AS (
    SELECT deliveries.id FROM platform.webhook_deliveries AS deliveries
    JOIN platform.webhook_endpoints AS endpoints ON endpoints.id = endpoint_id
    WHERE state = 'pending' AND next_attempt_at <= now() AND endpoints.is_active
    ORDER BY next_attempt_at LIMIT %s FOR UPDATE OF deliveries SKIP LOCKED
)
UPDATE platform.webhook_deliveries AS deliveries
SET next_attempt_at = now() + interval '{LEASE_SECONDS} seconds',
    attempt_count = attempt_count + 1, tries_left = tries_left - 1
FROM due, platform.webhook_endpoints AS endpoints
WHERE deliveries.id = due.id AND endpoints.id = deliveries.endpoint_id
RETURNING deliveries.id, endpoints.id, event_id, body, attempt_count, tries_left, url, sealed_secret
"""
_SETTLE = """
UPDATE platform.webhook_deliveries
SET state = %(state)s::text,
    finished_at = CASE WHEN %(state)s::text = 'pending' THEN NULL ELSE now() END,
    next_attempt_at = now() + make_interval(secs => %(wait_seconds)s)
WHERE id = %(id)s AND attempt_count = %(number)s
"""
_ATTEMPT = """
INSERT INTO platform.webhook_attempts (delivery_id, number, duration_ms, status_code, problem)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Due:
    """A message to send now. `number` counts its attempts, this one too."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    body: str
    number: int
    tries_left: int
    url: str
    secret: bytes


def tell(connection: Connection, tries: int) -> int:
    """Make domain events and deliveries of thresholds that were reached; how many.

    All of it for a threshold is one transaction, and the event's id is made of what it says: each
    is told once. `connection` is in autocommit.
    """
    with connection.transaction():
        found = connection.execute(_UNTOLD, [_TELL_LIMIT]).fetchall()
        for row in found:
            _tell(connection, row, tries)
    return len(found)


def _tell(connection: Connection, row: Sequence[Any], tries: int) -> None:
    user_id, resource, month, threshold, used, limit, plan_name, reached_at = row
    counter = uuid5(NAMESPACE_OID, f"quota {user_id} {resource} {month:%Y-%m}")
    identity = uuid5(counter, str(threshold))
    data = {
        "user_id": str(user_id),
        "resource": resource,
        "month": f"{month:%Y-%m}",
        "threshold_percent": threshold,
        "used_count": used,
        "limit_count": limit,
        "plan_name": plan_name,
        "reached_at": reached_at.isoformat().replace("+00:00", "Z"),
    }
    event = event_store.NewEvent(identity, THRESHOLD_REACHED, data)
    version = event_store.current_version(connection, counter)
    event_store.append(connection, AGGREGATE_TYPE, counter, [event], version)
    body = {"id": str(identity), "type": THRESHOLD_REACHED, "timestamp": data["reached_at"]}
    connection.execute(
        _ENQUEUE,
        {
            "event_id": identity,
            "event_type": THRESHOLD_REACHED,
            "body": orjson.dumps(body | {"data": data}).decode(),
            "tries": tries,
            "user_id": user_id,
        },
    )
    connection.execute(_TOLD, [user_id, resource, month, threshold])


def take(connection: Connection, limit: int) -> list[Due]:
    """What is due, for this sender alone until it is settled or LEASE_SECONDS are over."""
    key, purpose = load_settings().require("auth_secret"), SECRET_PURPOSE
    rows = connection.execute(_TAKE, [limit]).fetchall()
    return [
        Due(delivery, endpoint, event, body, number, left, url, unseal(key, purpose, bytes(secret)))
        for delivery, endpoint, event, body, number, left, url, secret in rows
    ]


def settle(
    connection: Connection,
    due: Due,
    state: str,
    *,
    wait_seconds: float,
    duration_ms: int,
    status_code: int | None,
    problem: str,
) -> None:
    """Write how an attempt went, and what is to become of the delivery."""
    with connection.transaction():
        connection.execute(_ATTEMPT, [due.id, due.number, duration_ms, status_code, problem])
        connection.execute(
            _SETTLE,
            {"state": state, "wait_seconds": wait_seconds, "id": due.id, "number": due.number},
        )


def stop_endpoint(connection: Connection, endpoint_id: UUID) -> None:
    """It said that it is gone for good."""
    connection.execute(
        "UPDATE platform.webhook_endpoints SET is_active = FALSE WHERE id = %s", [endpoint_id]
    )
