"""Interviews in Redis: read many at a time, filled by one, emptied by each change.

Belongs here: the two sides of the cache, serving's and change capture's, and what they promise each
other. What an interview looks like belongs to serving; which have changed, to ingestion.

A fill begins with a lease. A change takes value and lease away together, so what was read before
the change cannot land after it. Values count only while INTERVIEWS_WATCHED_KEY is there, which
change capture renews as long as it knows of every commit: without it nobody would take out what
has changed.
"""

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import redis.asyncio

from stores.errors import StoreUnavailable
from stores.redis_store import keys
from stores.redis_store.client import Error, at_database, connect
from stores.settings import load_settings

ANSWER_SECONDS_LIMIT = 0.5
LEFT_ALONE_SECONDS = 1.0
_FORGOTTEN_AT_ONCE = 1000

_LAND = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local seconds = redis.call('EXISTS', KEYS[3]) == 1 and 1 or tonumber(ARGV[3])
redis.call('SET', KEYS[1], ARGV[2], 'EX', seconds)
redis.call('DEL', KEYS[2])
return 1
"""
_GIVE_UP = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


@dataclass(frozen=True)
class Cached:
    """What was found. Without `is_watched` nothing that is cached may be used."""

    body: bytes | None
    is_watched: bool


class InterviewCache:
    """Serving's side: one client for the application. Its methods raise StoreUnavailable.

    Where Redis fails it is left alone for a moment, so that requests do not wait for it in turn.
    """

    def __init__(self, url: str | None = None) -> None:
        target = at_database(url or load_settings().require("redis_url"), keys.Database.CACHE)
        self._redis: Any = redis.asyncio.Redis.from_url(
            target,
            protocol=3,
            socket_timeout=ANSWER_SECONDS_LIMIT,
            socket_connect_timeout=ANSWER_SECONDS_LIMIT,
        )
        self._left_alone_until = 0.0

    async def read(self, identities: Sequence[UUID]) -> list[Cached]:
        """Each, in this order, in one round trip."""
        names = [keys.interview_key(identity) for identity in identities]
        watched, *bodies = await self._ask(self._redis.mget, keys.INTERVIEWS_WATCHED_KEY, *names)
        return [Cached(body, watched is not None) for body in bodies]

    async def lease(self, identity: UUID) -> str | None:
        """A token for filling this one; None while another fills it."""
        token = secrets.token_hex(8)
        name = keys.interview_lease_key(identity)
        is_mine = await self._ask(
            self._redis.set, name, token, nx=True, ex=keys.INTERVIEW_LEASE_SECONDS
        )
        return token if is_mine else None

    async def land(self, identity: UUID, token: str, body: bytes) -> bool:
        """Keep what was read under this lease; False where it has changed since."""
        names = (
            keys.interview_key(identity),
            keys.interview_lease_key(identity),
            keys.interview_changed_key(identity),
        )
        return bool(
            await self._ask(self._redis.eval, _LAND, 3, *names, token, body, keys.INTERVIEW_SECONDS)
        )

    async def give_up(self, identity: UUID, token: str) -> None:
        """Let another fill it."""
        await self._ask(self._redis.eval, _GIVE_UP, 1, keys.interview_lease_key(identity), token)

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def _ask(self, command: Any, *arguments: Any, **options: Any) -> Any:
        if time.monotonic() < self._left_alone_until:
            raise StoreUnavailable("REDIS_URL: Redis did not answer a moment ago")
        try:
            return await command(*arguments, **options)
        except (Error, OSError) as error:
            self._left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
            raise StoreUnavailable("REDIS_URL: Redis does not answer") from error


class ChangedInterviews:
    """Change capture's side. Its methods raise StoreUnavailable."""

    def __init__(self, url: str | None = None) -> None:
        self._redis = connect(
            keys.Database.CACHE,
            url,
            socket_timeout=ANSWER_SECONDS_LIMIT,
            socket_connect_timeout=ANSWER_SECONDS_LIMIT,
        )

    def forget(self, identities: Iterable[str]) -> None:
        """Take these out, and whatever is being read of them."""
        left = iter(identities)
        try:
            while part := list(islice(left, _FORGOTTEN_AT_ONCE)):
                with self._redis.pipeline(transaction=True) as pipe:
                    for identity in part:
                        pipe.set(
                            keys.interview_changed_key(identity),
                            1,
                            ex=keys.INTERVIEW_CHANGED_SECONDS,
                        )
                        pipe.delete(
                            keys.interview_lease_key(identity), keys.interview_key(identity)
                        )
                    pipe.execute()
        except Error as error:
            raise _away(error) from error

    def forget_all(self) -> None:
        """Take everything out, for what changed while nobody watched; first of all the watch."""
        try:
            self._redis.delete(keys.INTERVIEWS_WATCHED_KEY)
            for name in self._redis.scan_iter(match=keys.interview_key("*"), count=1000):
                self._redis.delete(name)
        except Error as error:
            raise _away(error) from error

    def watched(self, age_seconds: float) -> None:
        """Every change that was committed until so long ago has been taken out."""
        left = keys.INTERVIEWS_WATCHED_SECONDS - age_seconds
        if left <= 0:
            return
        try:
            self._redis.set(keys.INTERVIEWS_WATCHED_KEY, 1, px=int(left * 1000) + 1)
        except Error as error:
            raise _away(error) from error

    def close(self) -> None:
        """Give the connection back."""
        self._redis.close()


def _away(error: Error) -> StoreUnavailable:
    return StoreUnavailable(f"REDIS_URL: Redis does not answer: {type(error).__name__}")
