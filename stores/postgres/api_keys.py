"""API keys: made, checked and revoked. A key is kept as a hash and shown once.

Belongs here: the table platform.api_keys and nothing of HTTP; serving decides what a
missing scope answers. A plain SHA-256 is enough, unlike for a password: a key is 256
random bits, so guessing it from its hash is as hard as guessing the key.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from stores.errors import InputInvalid

# What a key may be allowed; an endpoint names the one that it asks for.
SCOPES = (
    "events:write",
    "events:backfill",
    "events:read",
    "aggregates:write",
    "aggregates:read",
    "usage:read",
    "quota:consume",
    "search:read",
    "media:write",
    "interviews:read",
    "analytics:read",
    "webhooks:manage",
    "admin",
)
# Implies all the others, and manages keys.
ADMIN = "admin"
# What a key is given that is made without naming scopes.
ORDINARY_SCOPES = tuple(scope for scope in SCOPES if scope != ADMIN)
# What one tenant may be allowed within its own objects. The other scopes are for services of the
# platform: an event or an aggregate names any user.
TENANT_SCOPES = (
    "usage:read",
    "quota:consume",
    "search:read",
    "media:write",
    "interviews:read",
    "analytics:read",
    "webhooks:manage",
)
# The prefix lets secret scanners and people recognise a leaked key.
PREFIX = "idp_"
NAME_LENGTH_LIMIT = 100
_COLUMNS = (
    "id, name, scopes, created_at, expires_at, revoked_at, requests_per_minute, events_per_minute,"
    " user_id"
)
# A bound key ends with its user: where that one is gone, suspended or anything but active.
_WORKS = (
    "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AND (user_id IS NULL"
    " OR EXISTS (SELECT FROM users WHERE users.id = user_id AND users.status = 'active'))"
)


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key; the key itself is not.

    The limits are per minute; None means those of the settings. `user_id` is the tenant that the
    key is bound to; None means that it is the platform's own.
    """

    id: UUID
    name: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    requests_per_minute: int | None = None
    events_per_minute: int | None = None
    user_id: UUID | None = None


@dataclass(frozen=True)
class Limits:
    """How much a key may do in a minute; None means as much as the settings say."""

    requests_per_minute: int | None = None
    events_per_minute: int | None = None


NO_LIMITS_OF_ITS_OWN = Limits()


def digest(key: str) -> bytes:
    """What is kept of `key`."""
    return hashlib.sha256(key.encode()).digest()


def create(
    connection: psycopg.Connection[Any],
    name: str,
    scopes: Sequence[str] = ORDINARY_SCOPES,
    key: str | None = None,
    expires_at: datetime | None = None,
    *,
    limits: Limits = NO_LIMITS_OF_ITS_OWN,
    user_id: UUID | None = None,
) -> str:
    """Make the key called `name`, or replace it, and return it: it cannot be read back.

    Replacing means that the former key of that name no longer works. `key` is given by
    those who keep it themselves, like the local stack. The caller commits.
    """
    if not 0 < len(name) <= NAME_LENGTH_LIMIT:
        raise InputInvalid("name", f"must have 1 to {NAME_LENGTH_LIMIT} characters")
    for scope in scopes:
        if scope not in SCOPES:
            raise InputInvalid("scopes", f"must be of {', '.join(SCOPES)}")
        if user_id is not None and scope not in TENANT_SCOPES:
            rule = f"of a key that is bound to a user must be of {', '.join(TENANT_SCOPES)}"
            raise InputInvalid("scopes", rule)
    made = key or PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO platform.api_keys"
        " (name, key_hash, scopes, expires_at, requests_per_minute, events_per_minute, user_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET"
        " key_hash = excluded.key_hash, scopes = excluded.scopes,"
        " expires_at = excluded.expires_at, revoked_at = NULL,"
        " requests_per_minute = excluded.requests_per_minute,"
        " events_per_minute = excluded.events_per_minute, user_id = excluded.user_id",
        [
            name,
            digest(made),
            list(scopes),
            expires_at,
            limits.requests_per_minute,
            limits.events_per_minute,
            user_id,
        ],
    )
    return made


def verify(connection: psycopg.Connection[Any], key: str) -> ApiKey | None:
    """The key's record, or None where it is unknown, expired or revoked."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM platform.api_keys WHERE key_hash = %s AND {_WORKS}",
        [digest(key)],
    ).fetchone()
    return _record(row) if row else None


def find(connection: psycopg.Connection[Any], identity: UUID) -> ApiKey | None:
    """The record of the key with this id, or None where it is unknown, expired or revoked."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM platform.api_keys WHERE id = %s AND {_WORKS}",
        [identity],
    ).fetchone()
    return _record(row) if row else None


def list_keys(connection: psycopg.Connection[Any]) -> list[ApiKey]:
    """Every key's record, by name."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM platform.api_keys ORDER BY name")
    return [_record(row) for row in rows]


def revoke(connection: psycopg.Connection[Any], name: str) -> bool:
    """Stop the key called `name` from working; False where no working key has that name."""
    done = connection.execute(
        "UPDATE platform.api_keys SET revoked_at = now() WHERE name = %s AND revoked_at IS NULL",
        [name],
    )
    return done.rowcount > 0


def _record(row: Sequence[Any]) -> ApiKey:
    identity, name, scopes, *rest = row
    return ApiKey(identity, name, frozenset(scopes), *rest)
