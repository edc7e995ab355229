"""Short-lived values under a token: get, take, put and forget.

Belongs here: dashboard sessions and temporary tokens as values. What the values mean belongs
to those who keep them; the names of the keys are in `keys.py`.
"""

from collections.abc import Callable
from typing import TypeVar

from stores.errors import StoreUnavailable
from stores.redis_store import keys
from stores.redis_store.client import Error, connect

# A page waits for it, so a Redis that is away must be noticed soon.
ANSWER_SECONDS_LIMIT = 2

Value = TypeVar("Value")


class TokenStore:
    """Values by token in one database. Every method raises StoreUnavailable."""

    def __init__(
        self, database: keys.Database, key: Callable[[str], str], url: str | None = None
    ) -> None:
        self._key = key
        self._client = connect(
            database,
            url,
            socket_connect_timeout=ANSWER_SECONDS_LIMIT,
            socket_timeout=ANSWER_SECONDS_LIMIT,
        )

    def get(self, token: str) -> str | None:
        """The value or None."""
        return _text(_answer(lambda: self._client.get(self._key(token))))

    def take(self, token: str) -> str | None:
        """The value or None, taken away in the same step."""
        return _text(_answer(lambda: self._client.getdel(self._key(token))))

    def put(self, token: str, value: str, seconds: int) -> None:
        """Keep the value for so long."""
        _answer(lambda: self._client.set(self._key(token), value, ex=seconds))

    def forget(self, token: str) -> None:
        """Let go of the value."""
        _answer(lambda: self._client.delete(self._key(token)))


def dashboard_sessions(url: str | None = None) -> TokenStore:
    """Who is signed in to the dashboards."""
    return TokenStore(keys.Database.SESSIONS, keys.dashboard_session_key, url)


def temporary_tokens(url: str | None = None) -> TokenStore:
    """Tokens that are good once."""
    return TokenStore(keys.Database.TEMPORARY_TOKENS, keys.temporary_token_key, url)


def _answer(ask: Callable[[], Value]) -> Value:
    try:
        return ask()
    except Error as error:
        problem = f"REDIS_URL: Redis does not answer: {type(error).__name__}"
        raise StoreUnavailable(problem) from error


def _text(value: str | bytes | None) -> str | None:
    """The client decodes, which its types do not know."""
    return None if value is None else str(value)
