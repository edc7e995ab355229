"""Mail that is to be sent: put here with what it is about, taken by a mailer.

Belongs here: the table platform.mail_outbox. The platform has no mail server; a mailer reads what
waits, sends it in its own words, and says that it is done. Between the two it may die: a mail may
be sent twice, never not at all. A token is sealed; one that has ended is removed with its mail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg

from stores.postgres.pool import AsyncConnection
from stores.sealing import seal, unseal

_PURPOSE = "a mail's token"
LIST_LIMIT = 1000


class Kind(StrEnum):
    """What a mail is about."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105  a kind of mail
    ALREADY_REGISTERED = "already_registered"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  likewise


@dataclass(frozen=True)
class Mail:
    """A mail that waits. `token` is what its reader proves themselves with, if it has one."""

    id: UUID
    kind: str
    recipient: str
    token: str | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class NewMail:
    """A mail to be sent within `seconds` or not at all."""

    kind: Kind
    recipient: str
    seconds: int
    token: str | None = None


async def put(connection: AsyncConnection, secret: str, new: NewMail) -> None:
    """Let a mail be sent."""
    sealed = seal(secret, _PURPOSE, new.token.encode()) if new.token else None
    await connection.execute("DELETE FROM platform.mail_outbox WHERE expires_at < now()")
    await connection.execute(
        "INSERT INTO platform.mail_outbox (kind, recipient, sealed_token, expires_at)"
        " VALUES (%s, %s, %s, now() + make_interval(secs => %s))",
        [new.kind.value, new.recipient, sealed, new.seconds],
    )


def waiting(
    connection: psycopg.Connection[Any], secret: str, limit: int = LIST_LIMIT
) -> list[Mail]:
    """The mails that wait, the oldest first. Raises StateConflict at another AUTH_SECRET."""
    rows = connection.execute(
        "SELECT id, kind, recipient, sealed_token, created_at, expires_at"
        " FROM platform.mail_outbox WHERE expires_at > now() ORDER BY created_at, id LIMIT %s",
        [limit],
    )
    return [
        Mail(
            identity,
            kind,
            recipient,
            unseal(secret, _PURPOSE, bytes(sealed)).decode() if sealed else None,
            created_at,
            expires_at,
        )
        for identity, kind, recipient, sealed, created_at, expires_at in rows
    ]


def done(connection: psycopg.Connection[Any], ids: Sequence[UUID]) -> int:
    """Forget mails that were sent; how many there were. The caller commits."""
    found = connection.execute("DELETE FROM platform.mail_outbox WHERE id = ANY(%s)", [list(ids)])
    return found.rowcount
