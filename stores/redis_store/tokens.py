"""Short-lived values under a token: dashboard sessions (db 0) and temporary tokens (db 3).

Belongs here: get, take, put and forget, with the key of each kind. What the values mean
belongs to those who keep them.
"""

from collections.abc import Callable
from typing import TypeVar

import redis

from stores.errors import StoreUnavailable
from stores.settings import load_settings

ANSWER_SECONDS_LIMIT = 2

Value = TypeVar("Value")


class TokenStore:
    """Values under `<prefix>:<token>` in one database. Raises StoreUnavailable."""

    def __init__(self, database: int, prefix: str, url: str | None = None) -> None:
        self._client = redis.Redis.from_url(
            url or load_settings().require("redis_url"),
            db=database,
            decode_responses=True,
            protocol=3,
            socket_timeout=ANSWER_SECONDS_LIMIT,
            socket_connect_timeout=ANSWER_SECONDS_LIMIT,
        )
        self._prefix = prefix

    def get(self, token: str) -> str | None:
        """The value or None."""
        return _text(self._answer(lambda: self._client.get(self._key(token))))

    def take(self, token: str) -> str | None:
        """The value or None, taken away in the same step."""
        return _text(self._answer(lambda: self._client.getdel(self._key(token))))

    def put(self, token: str, value: str, seconds: int) -> None:
        """Keep the value for so long."""
        self._answer(lambda: self._client.set(self._key(token), value, ex=seconds))

    def forget(self, token: str) -> None:
        """Let go of the value."""
        self._answer(lambda: self._client.delete(self._key(token)))

    def _key(self, token: str) -> str:
        return f"{self._prefix}:{token}"

    @staticmethod
    def _answer(ask: Callable[[], Value]) -> Value:
        try:
            return ask()
        except redis.RedisError as error:
            raise StoreUnavailable(
                f"REDIS_URL: Redis does not answer: {type(error).__name__}"
            ) from error


def _text(value: str | bytes | None) -> str | None:
    """The client decodes, which its types do not know."""
    return None if value is None else str(value)


def dashboard_sessions() -> TokenStore:
    """Who is signed in to the dashboards."""
    return TokenStore(0, "dashboard:session")


def temporary_tokens() -> TokenStore:
    """Tokens that are good once."""
    return TokenStore(3, "temp_token")
