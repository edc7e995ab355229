"""Who may ask: `Authorization: Bearer KEY`, and what whoever sends it may do.

Belongs here: checking a key and asking for a scope (`Depends(require_scope("usage:read"))`).
How keys are made and kept belongs to `stores.postgres.api_keys`, what a principal may see to
`principals.py`.

What is known of a key is remembered for a short while, so PostgreSQL is not asked at every
request; while PostgreSQL is away a key seen lately goes on working, so that events are
still taken. A revoked key therefore works for at most REMEMBERED_SECONDS more.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from serving import rate_limits
from serving.identity.access_tokens import Checker
from serving.ingest.intake import Intake, rate_limit_headers
from serving.principals import Principal, ensure_tenant, not_found, of_key
from serving.problems import Problem, unavailable
from stores.errors import StoreUnavailable
from stores.postgres import api_keys
from stores.postgres.client import connect

__all__ = [
    "Keyring",
    "Principal",
    "admit",
    "authorize",
    "ensure_tenant",
    "identify",
    "not_found",
    "require_scope",
    "require_user",
]

REMEMBERED_SECONDS = 15.0
# Older than this it is looked up again, while those who use it go on with what is remembered.
REFRESHED_SECONDS = 10.0
REMEMBERED_WHILE_AWAY_SECONDS = 900.0
# An unknown key may be made the next moment; it is remembered only against a flood.
UNKNOWN_REMEMBERED_SECONDS = 2.0
_REMEMBERED_COUNT_LIMIT = 10_000
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_REFUSED = {"WWW-Authenticate": 'Bearer error="invalid_token"'}

Verify = Callable[[str], api_keys.ApiKey | None]

_bearer = HTTPBearer(
    auto_error=False,
    description="An API key, which `interview-data keys create` or `POST /v1/admin/keys` makes, or"
    " the access token of a user, which `POST /v1/auth/login` gives.",
)


def verify_in_postgres(key: str) -> api_keys.ApiKey | None:
    """Look the key up. Raises StoreUnavailable."""
    with connect(autocommit=True) as connection:
        return api_keys.verify(connection, key)


class Keyring:
    """Remembers keys by their hash; a key itself stays in no memory of ours.

    Whoever comes while a key is looked up waits for that answer, and what is in use is looked up
    again before it is forgotten: a busy key stops nobody every few seconds.
    """

    def __init__(self, verify: Verify = verify_in_postgres, tokens: Checker | None = None) -> None:
        self._verify = verify
        self._known: dict[bytes, tuple[float, Principal | None]] = {}
        self._asking: dict[bytes, asyncio.Task[Principal | None]] = {}
        self.tokens = tokens or Checker()

    async def check(self, key: str) -> Principal | None:
        """Whose key or access token it is, or None. Raises StoreUnavailable."""
        if "." in key:
            return await self.tokens.check(key)
        name = api_keys.digest(key)
        checked_at, known = self._known.get(name, (-float("inf"), None))
        age = time.monotonic() - checked_at
        if age < (REMEMBERED_SECONDS if known else UNKNOWN_REMEMBERED_SECONDS):
            if known and age > REFRESHED_SECONDS:
                self._ask(name, key)
            return known
        try:
            return await asyncio.shield(self._ask(name, key))
        except StoreUnavailable:
            if known is not None and age < REMEMBERED_WHILE_AWAY_SECONDS:
                return known
            raise

    @property
    def is_looking_up(self) -> bool:
        """Whether a lookup is under way."""
        return bool(self._asking)

    def _ask(self, name: bytes, key: str) -> "asyncio.Task[Principal | None]":
        """The one lookup of this key that is under way."""
        found = self._asking.get(name)
        if found is None or found.get_loop() is not asyncio.get_running_loop():
            found = self._asking[name] = asyncio.create_task(self._look_up(name, key))
            found.add_done_callback(lambda done: self._answered(name, done))
        return found

    def _answered(self, name: bytes, done: "asyncio.Task[Principal | None]") -> None:
        if self._asking.get(name) is done:
            del self._asking[name]
        if not done.cancelled():
            # Those who waited have heard it; of one that nobody waited for, the next one will.
            done.exception()

    async def _look_up(self, name: bytes, key: str) -> Principal | None:
        now = time.monotonic()
        record = await to_thread.run_sync(self._verify, key)
        found = of_key(record) if record else None
        if len(self._known) >= _REMEMBERED_COUNT_LIMIT:
            self._known.clear()
        self._known[name] = (now, found)
        return found


async def identify(keyring: Keyring, authorization: str) -> Principal:
    """Whoever a request's header names, whatever they may do. Raises Problem 401."""
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer" or not key.strip():
        raise Problem(401, "Send `Authorization: Bearer KEY`.", _CHALLENGE)
    try:
        found = await keyring.check(key.strip())
    except StoreUnavailable:
        raise unavailable("The credentials cannot be checked right now; try again.") from None
    if found is None:
        raise Problem(401, "The API key or access token is unknown, expired or revoked.", _REFUSED)
    return found


async def authorize(keyring: Keyring, authorization: str, scope: str) -> Principal:
    """Whoever a request's header names. Raises Problem 401 or, without `scope`, 403.

    For endpoints that must be fast; others depend on `require_scope`, which documents itself.
    """
    found = await identify(keyring, authorization)
    if scope not in found.scopes:
        what = "API key" if found.kind == "key" else "access token"
        raise Problem(403, f"The {what} lacks the scope {scope}.")
    return found


def require_scope(
    scope: str, *, of_platform: bool = False
) -> Callable[..., Coroutine[Any, Any, Principal]]:
    """A dependency that answers 401 without valid credentials and 403 where `scope` is not theirs.

    `of_platform` is for what is about all tenants at once: it refuses whoever is bound to one. The
    request is counted against their limit, and 429 answered beyond it.
    """

    async def checked(
        request: Request,
        response: Response,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Principal:
        header = request.headers.get("authorization", "")
        found = await authorize(request.app.state.keyring, header, scope)
        if of_platform and found.user_id is not None:
            raise Problem(403, "This is about all customers, and so for none of them.")
        response.headers.update(await admit(request, found))
        return found

    # For the OpenAPI document.
    checked.scope = scope  # type: ignore[attr-defined]
    return checked


async def require_user(
    request: Request,
    response: Response,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """A dependency that answers 401 without valid credentials and 403 where no user is signed in.

    For what is a user's own, whatever their scopes.
    """
    header = request.headers.get("authorization", "")
    found = await identify(request.app.state.keyring, header)
    if found.kind != "user":
        raise Problem(403, "This is for users who are signed in; an API key has no sessions.")
    response.headers.update(await admit(request, found))
    return found


async def admit(request: Request, found: Principal) -> dict[str, str]:
    """Count the request: a key's by its own limits, a customer's by those of the plan.

    The headers that say what is left. Raises Problem 429, and 503 where it must be counted and
    cannot.
    """
    intake: Intake | None = getattr(request.app.state, "intake", None)
    if intake is None:
        return {}
    headers: dict[str, str] = {}
    if found.kind == "key":
        headers |= rate_limit_headers(await intake.admit(found, 0, "", b""))
    if found.user_id is not None:
        limits = rate_limits.of_application(request)
        headers |= await limits.admit(found.user_id, rate_limits.endpoint_name(request))
    return headers
