"""Users as those who sign in: found, registered, verified, given another password.

Belongs here: the queries on users, roles and user_roles for it. Passwords come here as hashes. An
address is compared without regard to upper and lower case and kept as it was first written; where
two users differ in case alone, which nothing here makes, the older one signs in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from stores.postgres.pool import AsyncConnection, AsyncPool

ACTIVE = "active"

_COLUMNS = "id, email, password_hash, coalesce(status, 'active') AS status, email_verified"
_BY_EMAIL = (
    f"SELECT {_COLUMNS} FROM users WHERE lower(email) = lower(%s) ORDER BY created_at, id LIMIT 1"
)


@dataclass(frozen=True)
class Account:
    """A user, as signing in sees one."""

    id: UUID
    email: str
    password_hash: str
    status: str
    is_verified: bool

    @property
    def may_sign_in(self) -> bool:
        """Whether a right password is enough."""
        return self.status == ACTIVE and self.is_verified


@dataclass(frozen=True)
class Registration:
    """Who wants to be a user."""

    email: str
    password_hash: str
    full_name: str | None
    company_name: str | None


async def find_by_email(pool: AsyncPool, email: str) -> Account | None:
    """The user with this address."""
    rows = await pool.rows(_BY_EMAIL, [email])
    return _account(rows[0]) if rows else None


async def find(pool: AsyncPool, user_id: UUID) -> Account | None:
    """The user with this id."""
    rows = await pool.rows(f"SELECT {_COLUMNS} FROM users WHERE id = %s", [user_id])
    return _account(rows[0]) if rows else None


async def permissions(pool: AsyncPool, user_id: UUID) -> list[Mapping[str, Any]]:
    """The permissions of each role of this user."""
    rows = await pool.rows(
        "SELECT roles.permissions FROM user_roles JOIN roles ON roles.id = user_roles.role_id"
        " WHERE user_roles.user_id = %s",
        [user_id],
    )
    return [row["permissions"] for row in rows]


async def register(
    connection: AsyncConnection, wanted: Registration, role: str
) -> tuple[Account, bool]:
    """Make the user, or find who has the address; whether it was made.

    Who registers again before the address is verified replaces what was registered before: nothing
    proves that it was the same person. The caller's transaction holds other registrations of the
    address back.
    """
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('register ' || lower(%s), 0))",
        [wanted.email],
    )
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(_BY_EMAIL.encode(), [wanted.email])
    found = await cursor.fetchone()
    if found is None:
        return await _insert(connection, wanted, role), True
    account = _account(found)
    if account.is_verified or account.status != ACTIVE:
        return account, False
    await cursor.execute(
        "UPDATE users SET password_hash = %s, full_name = %s, company_name = %s, updated_at = now()"
        f" WHERE id = %s RETURNING {_COLUMNS}",
        [wanted.password_hash, wanted.full_name, wanted.company_name, account.id],
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  it was found in this transaction
    return _account(row), True


async def _insert(connection: AsyncConnection, wanted: Registration, role: str) -> Account:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        "INSERT INTO users (email, password_hash, full_name, company_name)"
        f" VALUES (%s, %s, %s, %s) RETURNING {_COLUMNS}",
        [wanted.email, wanted.password_hash, wanted.full_name, wanted.company_name],
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  an INSERT returns its row
    await connection.execute(
        "INSERT INTO user_roles (user_id, role_id) SELECT %s, id FROM roles WHERE name = %s",
        [row["id"], role],
    )
    return _account(row)


async def mark_verified(pool: AsyncPool, user_id: UUID, password_hash: str) -> bool:
    """Note that the address is the user's, unless the password has changed since it was asked."""
    rows = await pool.rows(
        "UPDATE users SET email_verified = true, updated_at = now()"
        " WHERE id = %s AND password_hash = %s AND coalesce(status, 'active') = 'active'"
        " RETURNING id",
        [user_id, password_hash],
    )
    return bool(rows)


async def set_password(
    connection: AsyncConnection, user_id: UUID, password_hash: str, former_hash: str
) -> bool:
    """Set another password unless it was set anew meanwhile; who got the mail owns the address."""
    cursor = await connection.execute(
        "UPDATE users SET password_hash = %s, email_verified = true, updated_at = now()"
        " WHERE id = %s AND password_hash = %s AND coalesce(status, 'active') = 'active'",
        [password_hash, user_id, former_hash],
    )
    return cursor.rowcount > 0


async def rehash(pool: AsyncPool, user_id: UUID, password_hash: str, former_hash: str) -> None:
    """Keep the same password at another cost; `updated_at` is for what the user changes."""
    await pool.rows(
        "UPDATE users SET password_hash = %s WHERE id = %s AND password_hash = %s",
        [password_hash, user_id, former_hash],
    )


def _account(row: Mapping[str, Any]) -> Account:
    return Account(
        row["id"],
        row["email"],
        row["password_hash"],
        row["status"],
        bool(row["email_verified"]),
    )
