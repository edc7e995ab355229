"""May this caller ask once more, by several windows at once?

Belongs here: the script and one client for it, for many requests at a time. Which limits hold for
whom belongs to serving. What one API key may send is counted by `admission.py`, together with the
ids of its events.

A window begins with its first request and ends with its key, by Redis' own clock: no clock of a
server matters. A request is counted in all of its windows or, where one is full, in none.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from stores.redis_store.client import Error, at_database
from stores.redis_store.keys import Database
from stores.settings import load_settings

ANSWER_SECONDS_LIMIT = 0.5
LEFT_ALONE_SECONDS = 1.0

# Of each request the number of its windows, then limit and milliseconds of each.
_COUNT = """
local answers, key, argument = {}, 0, 1
while argument <= #ARGV do
  local windows, allowed, left, ends = tonumber(ARGV[argument]), 1, {}, {}
  for w = 1, windows do
    local limit, length = tonumber(ARGV[argument + w * 2 - 1]), tonumber(ARGV[argument + w * 2])
    left[w] = limit - tonumber(redis.call('GET', KEYS[key + w]) or '0')
    local ttl = redis.call('PTTL', KEYS[key + w])
    ends[w] = ttl >= 0 and ttl or length
    if left[w] < 1 then allowed = 0 end
  end
  answers[#answers + 1] = allowed
  for w = 1, windows do
    if allowed == 1 then
      if redis.call('INCR', KEYS[key + w]) == 1 then
        redis.call('PEXPIRE', KEYS[key + w], ARGV[argument + w * 2])
      end
      left[w] = left[w] - 1
    end
    answers[#answers + 1] = left[w]
    answers[#answers + 1] = ends[w]
  end
  key, argument = key + windows, argument + 1 + windows * 2
end
return answers
"""


@dataclass(frozen=True)
class Window:
    """What may be asked in a time, and the key that counts it."""

    name: str
    key: str
    limit: int
    seconds: int


@dataclass(frozen=True)
class Left:
    """A window after a request: how much is left of it, and for how many seconds it goes on."""

    window: Window
    left: int
    seconds: float


@dataclass(frozen=True)
class Counted:
    """The answer. `is_counted` is False where Redis was away: then nothing is known."""

    is_allowed: bool
    is_counted: bool
    windows: list[Left]


class RateLimits:
    """One client, shared by all requests. It raises nothing where Redis is away."""

    def __init__(self, url: str | None = None) -> None:
        target = at_database(url or load_settings().require("redis_url"), Database.RATE_LIMITS)
        self._redis: Any = redis.asyncio.Redis.from_url(
            target,
            protocol=3,
            socket_timeout=ANSWER_SECONDS_LIMIT,
            socket_connect_timeout=ANSWER_SECONDS_LIMIT,
        )
        self._left_alone_until = 0.0

    async def count(self, asked: Sequence[Sequence[Window]]) -> list[Counted]:
        """Count all of `asked`, each by its windows, in this order: one round trip."""
        if time.monotonic() >= self._left_alone_until:
            try:
                return await self._count(asked)
            except (Error, OSError):
                self._left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
        return [Counted(True, False, [Left(w, w.limit, w.seconds) for w in each]) for each in asked]

    async def _count(self, asked: Sequence[Sequence[Window]]) -> list[Counted]:
        keys = [window.key for each in asked for window in each]
        arguments: list[int] = []
        for each in asked:
            arguments.append(len(each))
            for window in each:
                arguments += [window.limit, window.seconds * 1000]
        # The text and not its hash: redis-py would ask for the hash first, each time.
        found = await self._redis.eval(_COUNT, len(keys), *keys, *arguments)
        answers, at = [], 0
        for each in asked:
            values = [int(value) for value in found[at : at + 1 + 2 * len(each)]]
            windows = [
                Left(window, max(0, values[1 + 2 * n]), values[2 + 2 * n] / 1000)
                for n, window in enumerate(each)
            ]
            answers.append(Counted(bool(values[0]), True, windows))
            at += len(values)
        return answers

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()
