"""Access tokens: JWTs that say who asks and what they may, good for ten minutes (RFC 9068).

Belongs here: signing and checking one, and the keys for it. The algorithm is the one of this
module, whatever a token says of itself. A token is checked without a store; that is why it is
short-lived: who is signed out, suspended or given fewer permissions may go on until it ends.
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
from anyio import to_thread

from serving.principals import Principal, with_implied
from stores.errors import StoreUnavailable
from stores.postgres import signing_keys
from stores.postgres.api_keys import ADMIN
from stores.postgres.client import connect
from stores.postgres.signing_keys import ACCESS_TOKEN_SECONDS, PrivateKey, PublicKey
from stores.settings import Settings, load_settings

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
LEEWAY_SECONDS = 30
LENGTH_LIMIT = 4096
KEYS_REMEMBERED_SECONDS = 60.0
# A token with an unknown key makes the keys be read again, but a flood of them does not.
KEYS_ASKED_AGAIN_SECONDS = 5.0
CHECKED_REMEMBERED_SECONDS = 15.0
_CHECKED_COUNT_LIMIT = 10_000
_NEEDED_CLAIMS = ["iss", "aud", "sub", "iat", "exp", "jti", "sid", "scope"]

ReadPublic = Callable[[], list[PublicKey]]


@dataclass(frozen=True)
class AccessToken:
    """A signed token, and how long it is good for."""

    text: str
    seconds: int


def read_from_postgres() -> list[PublicKey]:
    """The keys that check. Raises StoreUnavailable."""
    with connect(autocommit=True) as connection:
        return signing_keys.published(connection)


def _read_signing_key(secret: str) -> PrivateKey:
    with connect(autocommit=True) as connection:
        return signing_keys.signing(connection, secret)


class PublicKeys:
    """The keys that check, remembered; read again when they are old or one is missing.

    While PostgreSQL is away the known ones go on: no token lives as long as it may be away.
    """

    def __init__(self, read: ReadPublic = read_from_postgres) -> None:
        self._read = read
        self._known: dict[str, PublicKey] = {}
        self._read_at = -float("inf")
        self._turn = asyncio.Lock()

    async def all(self, older_than: float = KEYS_REMEMBERED_SECONDS) -> dict[str, PublicKey]:
        """By `kid`, read anew where they are older. Raises StoreUnavailable where none is known."""
        if time.monotonic() - self._read_at < older_than:
            return self._known
        async with self._turn:
            if time.monotonic() - self._read_at >= older_than:
                await self._read_again()
        return self._known

    async def find(self, kid: str) -> PublicKey | None:
        """The key with this id."""
        found = (await self.all()).get(kid)
        return found or (await self.all(KEYS_ASKED_AGAIN_SECONDS)).get(kid)

    async def _read_again(self) -> None:
        try:
            found = await to_thread.run_sync(self._read)
        except StoreUnavailable:
            if not self._known:
                raise
        else:
            self._known = {key.kid: key for key in found}
        self._read_at = time.monotonic()


class Checker:
    """Says who sent an access token."""

    def __init__(self, keys: PublicKeys | None = None) -> None:
        self.keys = keys or PublicKeys()
        self._checked: dict[bytes, tuple[float, float, Principal]] = {}
        self._expected: tuple[str, str] | None = None

    async def check(self, token: str) -> Principal | None:
        """Whoever it was made for; None unless it is ours, for us and has not ended."""
        if len(token) > LENGTH_LIMIT:
            return None
        name, now = hashlib.sha256(token.encode()).digest(), time.monotonic()
        checked_at, ends_at, known = self._checked.get(name, (-float("inf"), 0.0, None))
        if known and now - checked_at < CHECKED_REMEMBERED_SECONDS and time.time() < ends_at:
            return known
        claims = await self._claims(token)
        if claims is None:
            return None
        found = _principal(claims)
        if len(self._checked) >= _CHECKED_COUNT_LIMIT:
            self._checked.clear()
        if found is not None:
            self._checked[name] = (now, claims["exp"] + LEEWAY_SECONDS, found)
        return found

    async def _claims(self, token: str) -> dict[str, Any] | None:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            return None
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPE or not isinstance(kid, str):
            return None
        key = await self.keys.find(kid)
        if key is None:
            return None
        if self._expected is None:
            settings = load_settings()
            self._expected = (settings.auth_issuer, settings.auth_audience)
        issuer, audience = self._expected
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[ALGORITHM],
                issuer=issuer,
                audience=audience,
                leeway=LEEWAY_SECONDS,
                options={"require": _NEEDED_CLAIMS},
            )
        except jwt.InvalidTokenError:
            return None
        return claims


def _principal(claims: dict[str, Any]) -> Principal | None:
    try:
        user_id, session_id = UUID(claims["sub"]), UUID(claims["sid"])
    except ValueError:
        return None
    scopes = frozenset(str(claims["scope"]).split())
    # An administrator sees every tenant, all others their own objects.
    tenant = None if ADMIN in scopes else user_id
    return Principal("user", user_id, "user", tenant, with_implied(scopes), session_id=session_id)


class Signer:
    """Makes access tokens, with the issuer and the audience of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key: PrivateKey | None = None
        self._read_at = -float("inf")

    async def sign(self, user_id: UUID, session_id: UUID, scopes: frozenset[str]) -> AccessToken:
        """A token for this user. Raises StoreUnavailable."""
        settings, key, now = self._settings, await self._signing_key(), int(time.time())
        claims = {
            "iss": settings.auth_issuer,
            "aud": settings.auth_audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": now,
            "exp": now + ACCESS_TOKEN_SECONDS,
            "jti": secrets.token_urlsafe(12),
            "scope": " ".join(sorted(scopes)),
        }
        headers = {"kid": key.kid, "typ": TYPE}
        text = jwt.encode(claims, key.key, ALGORITHM, headers)
        return AccessToken(text, ACCESS_TOKEN_SECONDS)

    async def _signing_key(self) -> PrivateKey:
        now = time.monotonic()
        if self._key is not None and now - self._read_at < KEYS_REMEMBERED_SECONDS:
            return self._key
        secret = self._settings.require("auth_secret")
        self._key = await to_thread.run_sync(_read_signing_key, secret)
        self._read_at = now
        return self._key
