"""The keys that access tokens are signed with (Ed25519): made, published and replaced.

Belongs here: the table platform.signing_keys. What a token says belongs to serving.

A new key is published before it signs, for as long as somebody may keep the former list, and a
former key until the last token has ended that was signed with it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stores.sealing import seal, unseal

ACCESS_TOKEN_SECONDS = 600
# How long anybody may keep the published list.
LIST_KEPT_SECONDS = 300
# A worker may sign with the former key until it looks again, and a verifier's clock may be late.
_STILL_VERIFIES_SECONDS = ACCESS_TOKEN_SECONDS + 120
_PURPOSE = "the signing key"
# Any constant does, as long as nobody else locks it: two first sign-ins must not make two keys.
_LOCK = 7_240_613_021
_STILL_VERIFIES = "(verifies_until IS NULL OR verifies_until > now())"


@dataclass(frozen=True)
class PublicKey:
    """What checks a token."""

    kid: str
    key: Ed25519PublicKey


@dataclass(frozen=True)
class PrivateKey:
    """What signs a token."""

    kid: str
    key: Ed25519PrivateKey


@dataclass(frozen=True)
class Rotation:
    """The new key, and from when on it signs."""

    kid: str
    signs_from: datetime


def published(connection: psycopg.Connection[Any]) -> list[PublicKey]:
    """Every key that a token may be checked with now or soon, the newest first."""
    rows = connection.execute(
        "SELECT kid, public_key FROM platform.signing_keys"
        f" WHERE {_STILL_VERIFIES} ORDER BY signs_from DESC"
    )
    return [PublicKey(kid, Ed25519PublicKey.from_public_bytes(raw)) for kid, raw in rows]


def signing(connection: psycopg.Connection[Any], secret: str) -> PrivateKey:
    """The key that signs now; the first one is made here. Raises StateConflict where AUTH_SECRET
    is another than when it was made."""
    found = _signing(connection)
    if found is None:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            if _signing(connection) is None:
                _insert(connection, secret, 0)
        found = _signing(connection)
    assert found is not None  # noqa: S101  made above
    kid, sealed = found
    raw = unseal(secret, _PURPOSE, sealed)
    return PrivateKey(kid, Ed25519PrivateKey.from_private_bytes(raw))


def rotate(connection: psycopg.Connection[Any], secret: str, *, at_once: bool = False) -> Rotation:
    """Make a new key, to sign with after a while; `at_once` ends the former ones now, with every
    access token that they signed. The caller commits.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    after = 0 if at_once or _signing(connection) is None else LIST_KEPT_SECONDS
    lives_on = 0 if at_once else after + _STILL_VERIFIES_SECONDS
    connection.execute(
        "UPDATE platform.signing_keys SET verifies_until ="
        " least(verifies_until, now() + make_interval(secs => %s))",
        [lives_on],
    )
    connection.execute(
        "DELETE FROM platform.signing_keys WHERE verifies_until < now() - interval '90 days'"
    )
    return _insert(connection, secret, after)


def _signing(connection: psycopg.Connection[Any]) -> tuple[str, bytes] | None:
    row = connection.execute(
        "SELECT kid, sealed_private_key FROM platform.signing_keys"
        f" WHERE signs_from <= now() AND {_STILL_VERIFIES} ORDER BY signs_from DESC LIMIT 1"
    ).fetchone()
    return (row[0], row[1]) if row else None


def _insert(connection: psycopg.Connection[Any], secret: str, after_seconds: int) -> Rotation:
    made = Ed25519PrivateKey.generate()
    raw = made.private_bytes(
        serialization.Encoding.Raw,
        serialization.PrivateFormat.Raw,
        serialization.NoEncryption(),
    )
    row = connection.execute(
        "INSERT INTO platform.signing_keys (kid, public_key, sealed_private_key, signs_from)"
        " VALUES (%s, %s, %s, now() + make_interval(secs => %s)) RETURNING kid, signs_from",
        [
            secrets.token_urlsafe(12),
            made.public_key().public_bytes_raw(),
            seal(secret, _PURPOSE, raw),
            after_seconds,
        ],
    ).fetchone()
    assert row is not None  # noqa: S101  an INSERT returns its row
    return Rotation(row[0], row[1])
