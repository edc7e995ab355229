"""Who may ask: `Authorization: Bearer KEY`, and what whoever sends it may do.

Belongs here: checking a key and asking for a scope (`Depends(require_scope("usage:read"))`).
How keys are made and kept belongs to `stores.postgres.api_keys`, what a principal may see to
`principals.py`.

What is known of a key is remembered for a short while, so PostgreSQL is not asked at every
request; while PostgreSQL is away a key seen lately goes on working, so that events are
still taken. A revoked key therefore works for at most REMEMBERED_SECONDS more.
"""

import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from serving.ingest.intake import Intake, rate_limit_headers
from serving.principals import Principal, ensure_tenant, not_found, of_key
from serving.problems import Problem, unavailable
from stores.errors import StoreUnavailable
from stores.postgres import api_keys
from stores.postgres.client import connect

__all__ = ["Keyring", "Principal", "authorize", "ensure_tenant", "not_found", "require_scope"]

REMEMBERED_SECONDS = 15.0
REMEMBERED_WHILE_AWAY_SECONDS = 900.0
# An unknown key may be made the next moment; it is remembered only against a flood.
UNKNOWN_REMEMBERED_SECONDS = 2.0
_REMEMBERED_COUNT_LIMIT = 10_000
_CHALLENGE = {"WWW-Authenticate": "Bearer"}

Verify = Callable[[str], api_keys.ApiKey | None]

_bearer = HTTPBearer(
    auto_error=False, description="An API key; `interview-data keys create` makes one."
)


def verify_in_postgres(key: str) -> api_keys.ApiKey | None:
    """Look the key up. Raises StoreUnavailable."""
    with connect(autocommit=True) as connection:
        return api_keys.verify(connection, key)


class Keyring:
    """Remembers keys by their hash; a key itself stays in no memory of ours."""

    def __init__(self, verify: Verify = verify_in_postgres) -> None:
        self._verify = verify
        self._known: dict[bytes, tuple[float, Principal | None]] = {}

    async def check(self, key: str) -> Principal | None:
        """Whose key it is, or None. Raises StoreUnavailable where it cannot be known."""
        name, now = api_keys.digest(key), time.monotonic()
        checked_at, known = self._known.get(name, (-float("inf"), None))
        if now - checked_at < (REMEMBERED_SECONDS if known else UNKNOWN_REMEMBERED_SECONDS):
            return known
        try:
            record = await to_thread.run_sync(self._verify, key)
        except StoreUnavailable:
            if known is not None and now - checked_at < REMEMBERED_WHILE_AWAY_SECONDS:
                return known
            raise
        found = of_key(record) if record else None
        if len(self._known) >= _REMEMBERED_COUNT_LIMIT:
            self._known.clear()
        self._known[name] = (now, found)
        return found


async def authorize(keyring: Keyring, authorization: str, scope: str) -> Principal:
    """Whoever a request's header names. Raises Problem 401 or, without `scope`, 403.

    For endpoints that must be fast; others depend on `require_scope`, which documents itself.
    """
    kind, _, key = authorization.partition(" ")
    if kind.lower() != "bearer" or not key.strip():
        raise Problem(401, "Send `Authorization: Bearer KEY`.", _CHALLENGE)
    try:
        found = await keyring.check(key.strip())
    except StoreUnavailable:
        raise unavailable("The API key cannot be checked right now; try again.") from None
    if found is None:
        raise Problem(401, "The API key is unknown, expired or revoked.", _CHALLENGE)
    if scope not in found.scopes:
        raise Problem(403, f"The API key lacks the scope {scope}.")
    return found


def require_scope(scope: str) -> Callable[..., Coroutine[Any, Any, Principal]]:
    """A dependency that answers 401 without a valid key and 403 where `scope` is not its.

    The request is counted against the key's limit, and 429 answered beyond it.
    """

    async def checked(
        request: Request,
        response: Response,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Principal:
        header = request.headers.get("authorization", "")
        found = await authorize(request.app.state.keyring, header, scope)
        intake: Intake | None = getattr(request.app.state, "intake", None)
        if intake is not None:
            admission = await intake.admit(found, 0, "", b"")
            for name, value in rate_limit_headers(admission):
                response.headers[name] = value
        return found

    return checked
