"""Who may see the dashboards: a browser's session, opened by an API key or by a link.

Belongs here: opening, checking and closing sessions, and the links that open one. A cookie
carries 256 random bits; Redis keeps their hash, the key's id and when it was last checked.
Revoking the key ends its sessions: the key is looked up again at every page.
"""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from serving.principals import Principal, of_key
from serving.security import REMEMBERED_WHILE_AWAY_SECONDS
from stores.errors import StoreUnavailable
from stores.postgres import api_keys
from stores.postgres.client import connect
from stores.redis_store.keys import (
    DASHBOARD_SESSION_SECONDS,
    TEMPORARY_TOKEN_SECONDS,
    DashboardSession,
    TemporaryToken,
)

log = logging.getLogger(__name__)

SCOPE = "usage:read"
SESSION_SECONDS = DASHBOARD_SESSION_SECONDS
LINK_SECONDS = TEMPORARY_TOKEN_SECONDS
LINK_PURPOSE = "dashboard_login"

Find = Callable[[UUID], api_keys.ApiKey | None]


class Store(Protocol):
    """What is needed of a store of short-lived values. Each raises StoreUnavailable."""

    def get(self, token: str) -> str | None:
        """The value or None."""

    def take(self, token: str) -> str | None:
        """The value or None, taken away in the same step."""

    def put(self, token: str, value: str, seconds: int) -> None:
        """Keep the value for so long."""

    def forget(self, token: str) -> None:
        """Let go of the value."""


def find_in_postgres(identity: UUID) -> api_keys.ApiKey | None:
    """Look the key up by its id. Raises StoreUnavailable."""
    with connect(autocommit=True) as connection:
        return api_keys.find(connection, identity)


class Sessions:
    """Opens and checks sessions. The methods block; call them in a thread."""

    def __init__(self, sessions: Store, links: Store, find: Find = find_in_postgres) -> None:
        self._sessions = sessions
        self._links = links
        self._find = find

    def open(self, key: Principal) -> str:
        """A session for whoever holds `key`; returns what the cookie carries."""
        return self._open(key.id)

    def make_link_token(self, key: Principal) -> str:
        """What a link carries that opens a session once, within LINK_SECONDS."""
        token = secrets.token_urlsafe(32)
        value: TemporaryToken = {"user_id": str(key.id), "purpose": LINK_PURPOSE, "data": {}}
        self._links.put(_digest(token), json.dumps(value), LINK_SECONDS)
        return token

    def open_by_link(self, token: str) -> str | None:
        """A session for whoever follows a link; None where it was used, is old or unknown."""
        value = self._links.take(_digest(token))
        known = json.loads(value) if value else {}
        if known.get("purpose") != LINK_PURPOSE:
            return None
        identity = UUID(known["user_id"])
        return self._open(identity) if self._may_read(self._find(identity)) else None

    def is_open(self, token: str) -> bool:
        """Whether the session goes on: it is known, and its key still works."""
        name = _digest(token)
        value = self._sessions.get(name)
        if value is None:
            return False
        known = json.loads(value)
        try:
            key = self._find(UUID(known["key_id"]))
        except StoreUnavailable:
            # As for the API itself, a key seen lately goes on working while PostgreSQL is away.
            return bool(time.time() - known["checked_at"] < REMEMBERED_WHILE_AWAY_SECONDS)
        if not self._may_read(key):
            self._sessions.forget(name)
            return False
        self._remember(name, known["key_id"], known["ends_at"])
        return True

    def close(self, token: str) -> None:
        """End the session."""
        self._sessions.forget(_digest(token))

    def _open(self, identity: UUID) -> str:
        token = secrets.token_urlsafe(32)
        self._remember(_digest(token), str(identity), time.time() + SESSION_SECONDS)
        return token

    def _remember(self, name: str, key_id: str, ends_at: float) -> None:
        value: DashboardSession = {
            "key_id": key_id,
            "ends_at": ends_at,
            "checked_at": time.time(),
        }
        self._sessions.put(name, json.dumps(value), max(1, round(ends_at - time.time())))

    @staticmethod
    def _may_read(key: api_keys.ApiKey | None) -> bool:
        return key is not None and may_open(of_key(key))


def may_open(key: Principal) -> bool:
    """The pages show every customer, so that one customer's key does not open them."""
    return key.kind == "key" and key.user_id is None and SCOPE in key.scopes


def _digest(token: str) -> str:
    """What is kept of a token, so that reading Redis opens nobody's session."""
    return hashlib.sha256(token.encode()).hexdigest()
