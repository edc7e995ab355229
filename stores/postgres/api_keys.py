"""API keys: made, checked and revoked. A key is kept as a hash and shown once.

Belongs here: the table platform.api_keys and nothing of HTTP; serving decides what a
missing scope answers. A plain SHA-256 is enough, unlike for a password: a key is 256
random bits, so guessing it from its hash is as hard as guessing the key.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from uuid import UUID

import psycopg

from stores.errors import InputInvalid, StateConflict

# What a key may be allowed; an endpoint names the one that it asks for.
Scope = Literal[
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
]
SCOPES: tuple[str, ...] = get_args(Scope)
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
    " user_id, last_used_at, previous_until"
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
    key is bound to; None means that it is the platform's own. `last_used_at` is right to about a
    minute; until `previous_until` the key that this one replaced works too.
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
    last_used_at: datetime | None = None
    previous_until: datetime | None = None

    @property
    def state(self) -> str:
        """`works`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= datetime.now(UTC):
            return "expired"
        return "works"


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
    must_be_new: bool = False,
) -> str:
    """Make the key called `name`, or replace it, and return it: it cannot be read back.

    Replacing means that the former key of that name no longer works; `must_be_new` raises
    StateConflict where one does. `key` is given by those who keep it themselves, like the local
    stack. The caller commits.
    """
    _check(name, scopes, user_id)
    if user_id is not None and not _is_user(connection, user_id):
        raise InputInvalid("user_id", "must be of a user that there is")
    made = key or new_key()
    done = connection.execute(
        "INSERT INTO platform.api_keys"
        " (name, key_hash, scopes, expires_at, requests_per_minute, events_per_minute, user_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET"
        " key_hash = excluded.key_hash, scopes = excluded.scopes,"
        " expires_at = excluded.expires_at, revoked_at = NULL,"
        " requests_per_minute = excluded.requests_per_minute,"
        " events_per_minute = excluded.events_per_minute, user_id = excluded.user_id,"
        " previous_hash = NULL, previous_until = NULL, last_used_at = NULL, created_at = now()"
        " WHERE NOT %s OR api_keys.revoked_at IS NOT NULL OR api_keys.expires_at <= now()",
        [
            name,
            digest(made),
            list(scopes),
            expires_at,
            limits.requests_per_minute,
            limits.events_per_minute,
            user_id,
            must_be_new,
        ],
    )
    if done.rowcount == 0:
        raise StateConflict(f"the key {name} exists; revoke it first, or take another name")
    return made


def _is_user(connection: psycopg.Connection[Any], user_id: UUID) -> bool:
    found = connection.execute("SELECT FROM users WHERE id = %s", [user_id])
    return found.fetchone() is not None


def new_key() -> str:
    """256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def _check(name: str, scopes: Sequence[str], user_id: UUID | None) -> None:
    if not 0 < len(name) <= NAME_LENGTH_LIMIT:
        raise InputInvalid("name", f"must have 1 to {NAME_LENGTH_LIMIT} characters")
    for scope in scopes:
        if scope not in SCOPES:
            raise InputInvalid("scopes", f"must be of {', '.join(SCOPES)}")
        if user_id is not None and scope not in TENANT_SCOPES:
            rule = f"of a key that is bound to a user must be of {', '.join(TENANT_SCOPES)}"
            raise InputInvalid("scopes", rule)


def rotate(connection: psycopg.Connection[Any], identity: UUID, overlap_seconds: int) -> str:
    """Another key for the same record; the former one works for `overlap_seconds` more.

    Raises StateConflict where it does not work any more. The caller commits.
    """
    made = new_key()
    done = connection.execute(
        "UPDATE platform.api_keys SET key_hash = %s, previous_hash = key_hash,"
        f" previous_until = now() + make_interval(secs => %s) WHERE id = %s AND {_WORKS}",
        [digest(made), overlap_seconds, identity],
    )
    if done.rowcount == 0:
        raise StateConflict("this key does not work any more; make a new one")
    return made


def verify(connection: psycopg.Connection[Any], key: str) -> ApiKey | None:
    """The key's record, or None where it is unknown, expired or revoked.

    Notes that it was used, at most once a minute: whoever checks many requests remembers the
    answer for a while, so that this is not one write for each.
    """
    row = connection.execute(
        f"WITH found AS (SELECT {_COLUMNS} FROM platform.api_keys WHERE"
        " (key_hash = %(digest)s OR (previous_hash = %(digest)s AND previous_until > now()))"
        f" AND {_WORKS}),"
        " noted AS (UPDATE platform.api_keys SET last_used_at = now() WHERE id IN"
        " (SELECT api_keys.id FROM platform.api_keys JOIN found USING (id)"
        " WHERE coalesce(api_keys.last_used_at < now() - interval '1 minute', true)"
        # Somebody who changes the key holds nobody up who uses it.
        " FOR UPDATE OF api_keys SKIP LOCKED))"
        f" SELECT {_COLUMNS} FROM found",
        {"digest": digest(key)},
    ).fetchone()
    return _record(row) if row else None


def find(connection: psycopg.Connection[Any], identity: UUID) -> ApiKey | None:
    """The record of the key with this id, or None where it is unknown, expired or revoked."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM platform.api_keys WHERE id = %s AND {_WORKS}",
        [identity],
    ).fetchone()
    return _record(row) if row else None


def get(connection: psycopg.Connection[Any], identity: UUID) -> ApiKey | None:
    """The record of the key with this id, whether or not it works."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM platform.api_keys WHERE id = %s", [identity]
    ).fetchone()
    return _record(row) if row else None


def named(connection: psycopg.Connection[Any], name: str) -> ApiKey | None:
    """The record of the key called `name`, whether or not it works."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM platform.api_keys WHERE name = %s", [name]
    ).fetchone()
    return _record(row) if row else None


def list_keys(
    connection: psycopg.Connection[Any], after_name: str = "", limit: int | None = None
) -> list[ApiKey]:
    """The keys' records, by name."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM platform.api_keys WHERE name > %s ORDER BY name LIMIT %s",
        [after_name, limit],
    )
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
