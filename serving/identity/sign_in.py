"""Signing in: what happens from registering to the last sign-out.

Belongs here: the order of the steps and what each refusal says. Addresses and shapes are in
`serving.routers.auth`; each store's part is in `stores`.

Nothing here tells whether an address is registered: the answer, and the time that it takes, are the
same. What is to be told is told by mail, to whoever owns the address.
"""

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from anyio import to_thread

from serving.identity.access_tokens import AccessToken, Signer
from serving.identity.passwords import Passwords, check_new
from serving.identity.permissions import scopes_of
from serving.identity.refresh_tokens import RefreshToken, RefreshTokens
from serving.problems import Problem
from stores.postgres import accounts, mail
from stores.postgres.accounts import Account, Registration
from stores.postgres.pool import AsyncConnection, AsyncPool
from stores.redis_store.attempts import Attempts
from stores.redis_store.keys import TEMPORARY_TOKEN_SECONDS, TemporaryToken
from stores.redis_store.sessions import DeviceSession, SessionStore
from stores.redis_store.tokens import TokenStore, temporary_tokens
from stores.settings import Settings

VERIFY = "email_verification"
RESET = "password_reset"
# Within ATTEMPT_SECONDS, a quarter of an hour.
ATTEMPTS_BY_ACCOUNT = 10
ATTEMPTS_BY_ADDRESS = 100
MAILS_TO_ACCOUNT = 5
# An answer that may not tell whether an account is there comes no sooner than this.
SAME_TIME_SECONDS = 0.3


@dataclass(frozen=True)
class SignedIn:
    """What whoever signed in takes along."""

    access: AccessToken
    refresh: RefreshToken
    scopes: frozenset[str]


class SignIn:
    """One for the application. Every method raises StoreUnavailable, or Problem."""

    def __init__(self, pool: AsyncPool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._secret = settings.require("auth_secret")
        self._passwords = Passwords()
        self._signer = Signer(settings)
        self._refresh_tokens = RefreshTokens(self._secret)
        self._sessions = SessionStore()
        self._attempts = Attempts()
        self._tokens: TokenStore = temporary_tokens()

    async def register(self, wanted: Registration, password: str, client: str) -> None:
        """Make a user who verifies the address by mail; tell an owner who has one already."""
        check_new(password, wanted.email)
        await self._count("register", (client, ATTEMPTS_BY_ADDRESS))
        async with _SameTime():
            hashed = await self._passwords.hash(password)
            if not await self._may_mail(wanted.email):
                return
            wanted = Registration(wanted.email, hashed, wanted.full_name, wanted.company_name)
            async with self._transaction() as connection:
                account, is_new = await accounts.register(
                    connection, wanted, self._settings.auth_default_role
                )
                token = await self._put_token(account, VERIFY) if is_new else None
                kind = mail.Kind.VERIFY_EMAIL if is_new else mail.Kind.ALREADY_REGISTERED
                await self._mail(connection, kind, account, token)

    async def verify_email(self, token: str) -> None:
        """Note that the address belongs to whoever got the token."""
        account = await self._of_token(token, VERIFY)
        await self._take(token)
        if not await accounts.mark_verified(self._pool, account.id, account.password_hash):
            raise _used_up()

    async def request_reset(self, email: str, client: str) -> None:
        """Mail a token for another password to whoever owns the address, if it is registered."""
        await self._count("reset", (client, ATTEMPTS_BY_ADDRESS))
        async with _SameTime():
            account = await accounts.find_by_email(self._pool, email)
            if not await self._may_mail(email) or account is None:
                return
            if account.status != accounts.ACTIVE:
                return
            token = await self._put_token(account, RESET)
            async with self._transaction() as connection:
                await self._mail(connection, mail.Kind.RESET_PASSWORD, account, token)

    async def reset_password(self, token: str, password: str) -> None:
        """Set another password and end every session: whoever knew the former one is out."""
        check_new(password, "")
        account = await self._of_token(token, RESET)
        check_new(password, account.email)
        hashed = await self._passwords.hash(password)
        async with self._transaction() as connection:
            await self._take(token)
            done = await accounts.set_password(
                connection, account.id, hashed, account.password_hash
            )
            if not done:
                raise _used_up()
            await self._mail(connection, mail.Kind.PASSWORD_CHANGED, account)
            # Before the commit: sessions that ended for nothing are better than any that go on.
            await self._sessions.close_all(account.id)
        await self._attempts.forget("login", _account_name(account.email))

    async def log_in(self, email: str, password: str, device: str, client: str) -> SignedIn:
        """Begin a session of a device."""
        name = _account_name(email)
        await self._count("login", (name, ATTEMPTS_BY_ACCOUNT), (client, ATTEMPTS_BY_ADDRESS))
        account = await accounts.find_by_email(self._pool, email)
        kept = account.password_hash if account else None
        if not await self._passwords.is_right(password, kept) or account is None:
            raise Problem(401, "The address or the password is wrong.", kind="wrong-credentials")
        if account.status != accounts.ACTIVE:
            raise Problem(403, "This account is not active.", kind="account-not-active")
        if not account.is_verified:
            raise Problem(
                403, "Verify the address first; a mail says how.", kind="address-not-verified"
            )
        await self._attempts.forget("login", name)
        if self._passwords.needs_rehash(account.password_hash):
            hashed = await self._passwords.hash(password)
            await accounts.rehash(self._pool, account.id, hashed, account.password_hash)
        return await self._begin(account, device)

    async def refresh(self, text: str) -> SignedIn:
        """New tokens for the one given, which works no more."""
        given = self._refresh_tokens.read(text)
        if given is None:
            raise _refused()
        account = await accounts.find(self._pool, given.user_id)
        if account is None or not account.may_sign_in:
            await self._sessions.close_all(given.user_id)
            raise _refused()
        made = self._refresh_tokens.make(account.id, given.session_id)
        signed_in = await self._sign(account, made)
        # Last, so that nothing fails once the former token works no more.
        outcome = await self._sessions.rotate(account.id, given.session_id, given.hash, made.hash)
        if outcome == "rotated":
            return signed_in
        if outcome == "raced":
            raise Problem(
                409,
                "This token was refreshed a moment ago; use the tokens of that answer.",
                kind="refresh-token-raced",
            )
        if outcome == "reused":
            raise Problem(
                401,
                "This token was used before, so somebody else may have it: the session has"
                " ended. Sign in again.",
                kind="refresh-token-reused",
            )
        raise _refused()

    async def log_out(self, text: str, *, everywhere: bool) -> None:
        """End the token's session, or all of its user's. What is no token of ours ends nothing."""
        given = self._refresh_tokens.read(text)
        if given is None:
            return
        if everywhere:
            await self._sessions.close_all(given.user_id)
        else:
            await self._sessions.close(given.user_id, given.session_id)

    async def sessions(self, user_id: UUID) -> list[DeviceSession]:
        """Where the user is signed in."""
        return await self._sessions.list(user_id)

    async def end_session(self, user_id: UUID, session_id: UUID) -> bool:
        """End one of the user's sessions; False where there is no such."""
        return await self._sessions.close(user_id, session_id)

    async def end_sessions(self, user_id: UUID) -> None:
        """End all of the user's sessions."""
        await self._sessions.close_all(user_id)

    async def close(self) -> None:
        """Give connections and threads back."""
        self._passwords.close()
        await self._sessions.aclose()
        await self._attempts.aclose()

    async def _begin(self, account: Account, device: str) -> SignedIn:
        made = self._refresh_tokens.make(account.id, uuid4())
        signed_in = await self._sign(account, made)
        await self._sessions.open(account.id, made.session_id, made.hash, device)
        return signed_in

    async def _sign(self, account: Account, refresh: RefreshToken) -> SignedIn:
        scopes = scopes_of(await accounts.permissions(self._pool, account.id))
        access = await self._signer.sign(account.id, refresh.session_id, scopes)
        return SignedIn(access, refresh, scopes)

    async def _count(self, what: str, *limits: tuple[str, int]) -> None:
        wait = await self._attempts.count(what, limits)
        if wait:
            raise Problem(
                429,
                f"There were too many attempts; try again in {wait} s.",
                {"Retry-After": str(wait)},
                "too-many-attempts",
            )

    async def _may_mail(self, email: str) -> bool:
        """Beyond this nothing is sent, and nobody is told: it would fill somebody's mailbox."""
        limit = (_account_name(email), MAILS_TO_ACCOUNT)
        return await self._attempts.count("mail", [limit]) == 0

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """One that nobody need send again because PostgreSQL was restarted since the last one:
        asking for rows lets go of connections that were closed from the other side.
        """
        await self._pool.rows("SELECT 1")
        async with self._pool.connection() as connection, connection.transaction():
            yield connection

    async def _mail(
        self,
        connection: AsyncConnection,
        kind: mail.Kind,
        account: Account,
        token: str | None = None,
    ) -> None:
        new = mail.NewMail(kind, account.email, TEMPORARY_TOKEN_SECONDS, token)
        await mail.put(connection, self._secret, new)

    async def _put_token(self, account: Account, purpose: str) -> str:
        token = secrets.token_urlsafe(32)
        value: TemporaryToken = {
            "user_id": str(account.id),
            "purpose": purpose,
            "data": {"password": _digest(account.password_hash)},
        }
        content = json.dumps(value)
        await to_thread.run_sync(self._tokens.put, _digest(token), content, TEMPORARY_TOKEN_SECONDS)
        return token

    async def _of_token(self, token: str, purpose: str) -> Account:
        """Whose token it is. One that was made before the password changed is good for nothing."""
        content = await to_thread.run_sync(self._tokens.get, _digest(token))
        known = json.loads(content) if content else {}
        if known.get("purpose") != purpose:
            raise _used_up()
        account = await accounts.find(self._pool, UUID(known["user_id"]))
        if account is None or _digest(account.password_hash) != known["data"].get("password"):
            raise _used_up()
        return account

    async def _take(self, token: str) -> None:
        """Once: of two who send it at the same time one is refused."""
        if await to_thread.run_sync(self._tokens.take, _digest(token)) is None:
            raise _used_up()


class _SameTime:
    """Ends no sooner than SAME_TIME_SECONDS after it began, whatever was to be done."""

    async def __aenter__(self) -> None:
        self._until = time.monotonic() + SAME_TIME_SECONDS

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(max(0.0, self._until - time.monotonic()))


def _account_name(email: str) -> str:
    return f"account:{email.lower()}"


def _digest(token: str) -> str:
    """What is kept of a token, so that who reads Redis verifies nobody's address."""
    return hashlib.sha256(token.encode()).hexdigest()


def _refused() -> Problem:
    return Problem(
        401,
        "The refresh token is unknown or has ended. Sign in again.",
        kind="refresh-token-refused",
    )


def _used_up() -> Problem:
    return Problem(
        400,
        "The token is unknown, was used, or is older than a day. Ask for a new one.",
        kind="one-time-token-refused",
    )
