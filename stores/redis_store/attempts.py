"""How often something was tried that may be guessing: counted before it is tried.

Belongs here: the counters. What is counted, and how much is too much, belongs to serving. A counter
lives ATTEMPT_SECONDS from its first attempt, by Redis' clock.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from stores.errors import StoreUnavailable
from stores.redis_store.client import Error, at_database
from stores.redis_store.keys import ATTEMPT_SECONDS, Database, attempts_key
from stores.settings import load_settings

ANSWER_SECONDS_LIMIT = 2.0

# Counts in all of the keys or in none; answers the seconds to wait, 0 where it was counted.
_COUNT = """
local wait = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[i + 1]) then
    wait = math.max(wait, redis.call('TTL', key), 1)
  end
end
if wait > 0 then return wait end
for _, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[1]) end
end
return 0
"""


class Attempts:
    """One client, shared by all requests. Its methods raise StoreUnavailable."""

    def __init__(self, url: str | None = None) -> None:
        target = at_database(url or load_settings().require("redis_url"), Database.RATE_LIMITS)
        self._redis: Any = redis.asyncio.Redis.from_url(
            target,
            protocol=3,
            socket_timeout=ANSWER_SECONDS_LIMIT,
            socket_connect_timeout=ANSWER_SECONDS_LIMIT,
            # Once and at once, for a connection that a restarted server has closed; the driver
            # would else try for seconds, while somebody waits to sign in.
            retry=Retry(NoBackoff(), 1),
        )

    async def count(self, what: str, limits: Sequence[tuple[str, int]]) -> int:
        """Count an attempt of each (who, limit); the seconds to wait where one is over its limit,
        and then none is counted."""
        keys = [_key(what, who) for who, _ in limits]
        allowed = [limit for _, limit in limits]
        try:
            found = await self._redis.eval(_COUNT, len(keys), *keys, ATTEMPT_SECONDS, *allowed)
        except (Error, OSError) as error:
            raise _away(error) from error
        return int(found)

    async def forget(self, what: str, who: str) -> None:
        """Begin to count anew: it was no guess."""
        try:
            await self._redis.delete(_key(what, who))
        except (Error, OSError) as error:
            raise _away(error) from error

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()


def _key(what: str, who: str) -> str:
    return attempts_key(what, hashlib.sha256(who.encode()).hexdigest())


def _away(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"REDIS_URL: Redis does not answer: {type(error).__name__}")
