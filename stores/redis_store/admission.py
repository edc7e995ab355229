"""May this key send that much now, and which of these event ids were sent lately?

Belongs here: the two scripts and one client for both, for many requests at a time. What a
refusal looks like belongs to serving.

Neither answer is needed: where Redis is away, nobody is limited and no id is known, and the
writer finds out about repeated ids by asking ClickHouse. Redis is then left alone for a moment,
so that requests do not wait for it one after the other.

The ids stand in strings of fixed length, as records of 28 bytes (id, payload, second) at a place
made of the id's last bytes: a later id at the same place replaces an earlier one. So the memory
is bounded (29 MB for each kind), whatever is sent, and a lookup costs less than a microsecond.
"""

import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import redis.asyncio

from stores.errors import StoreUnavailable
from stores.redis_store.client import Error, at_database
from stores.redis_store.keys import (
    RATE_LIMIT_SECONDS,
    Database,
    RateWindow,
    rate_limit_key,
    recent_events_prefix,
)
from stores.settings import load_settings

WINDOW_SECONDS = RATE_LIMIT_SECONDS[RateWindow.MINUTE]
ANSWER_SECONDS_LIMIT = 0.5
LEFT_ALONE_SECONDS = 1.0
ID_BYTES = 16
RECORD_BYTES = 24

# An entry is a key's two counters, what may be counted in them, and what it costs. Both are
# counted or none is. The window is Redis' own clock: a counter ends with its key.
_LIMIT = """
local answers = {}
for i = 0, #KEYS / 2 - 1 do
  local left, ends, allowed = {}, {}, 1
  for j = 1, 2 do
    local key = KEYS[i * 2 + j]
    local limit, cost = tonumber(ARGV[2 + i * 4 + j * 2 - 1]), tonumber(ARGV[2 + i * 4 + j * 2])
    left[j] = limit - tonumber(redis.call('GET', key) or '0')
    local ttl = redis.call('PTTL', key)
    ends[j] = ttl >= 0 and ttl or tonumber(ARGV[1])
    if cost > left[j] then allowed = 0 end
  end
  if allowed == 1 then
    for j = 1, 2 do
      local key, cost = KEYS[i * 2 + j], tonumber(ARGV[2 + i * 4 + j * 2])
      if cost > 0 then
        if redis.call('INCRBY', key, cost) == cost then redis.call('PEXPIRE', key, ARGV[1]) end
        left[j] = left[j] - cost
      end
    end
  end
  answers[#answers + 1] = allowed
  for j = 1, 2 do
    answers[#answers + 1] = left[j]
    answers[#answers + 1] = ends[j]
  end
end
return answers
"""

# The loops run once for each event: a place is written out in them, and a key is made once.
_PLACE = """
local function place(record)
  local a, b, c = string.byte(record, 14, 16)
  return prefix .. c, ((a * 256 + b) % 4096) * 28
end
"""
_KNOWN = """
local prefix, records, oldest = KEYS[1], ARGV[1], tonumber(ARGV[2])
local call, byte, sub = redis.call, string.byte, string.sub
local keys, found, count = {}, {}, 0
for i = 1, #records, 24 do
  local a, b, c = byte(records, i + 13, i + 15)
  local key, at = keys[c], ((a * 256 + b) % 4096) * 28
  if not key then
    key = prefix .. c
    keys[c] = key
  end
  local kept = call('GETRANGE', key, at, at + 27)
  local answer = '0'
  if #kept == 28 and sub(kept, 1, 16) == sub(records, i, i + 15)
     and struct.unpack('>I4', kept, 25) > oldest then
    answer = sub(kept, 17, 24) == sub(records, i + 16, i + 23) and '1' or '2'
  end
  count = count + 1
  found[count] = answer
end
return table.concat(found)
"""
_REMEMBER = """
local prefix, records, now = KEYS[1], ARGV[1], ARGV[2]
local call, byte, sub = redis.call, string.byte, string.sub
local keys = {}
for i = 1, #records, 24 do
  local a, b, c = byte(records, i + 13, i + 15)
  local key = keys[c]
  if not key then
    key = prefix .. c
    keys[c] = key
  end
  call('SETRANGE', key, ((a * 256 + b) % 4096) * 28, sub(records, i, i + 23) .. now)
end
for _, key in pairs(keys) do call('EXPIRE', key, ARGV[3]) end
"""
_SEEN = (
    "local prefix = KEYS[1]"
    + _PLACE
    + """
local key, at = place(ARGV[1])
local kept = redis.call('GETRANGE', key, at, at + 27)
if string.sub(kept, 1, 16) ~= ARGV[1] then return 0 end
return struct.unpack('>I4', kept, 25)
"""
)


class Known(IntEnum):
    """What the index says of an id, as the digit in its answer."""

    NEW = ord("0")
    DUPLICATE = ord("1")
    CONFLICT = ord("2")


@dataclass(frozen=True)
class Quota:
    """One limit after this request: how much is left of it, and for how many seconds it holds."""

    limit: int
    left: int
    seconds: float


@dataclass(frozen=True)
class Asked:
    """What one request asks for. `records` holds RECORD_BYTES for each event, by `records_of`."""

    key_id: str
    request_limit: int
    event_limit: int
    event_count: int
    kind: str
    records: bytes


@dataclass(frozen=True)
class Admission:
    """The answer: `known` has a byte of `Known` for each event; empty where none is known.

    `is_counted` is False where Redis was away.
    """

    is_allowed: bool
    is_counted: bool
    requests: Quota
    events: Quota
    known: bytes


def records_of(ids: Sequence[str], digests: Iterable[bytes]) -> bytes:
    """Events as the index keeps them: of each its UUID and the digest of its payload."""
    found = bytes.fromhex("".join(ids).replace("-", ""))
    starts = range(0, len(found), ID_BYTES)
    return b"".join(
        [
            part
            for start, digest in zip(starts, digests, strict=True)
            for part in (found[start : start + ID_BYTES], digest)
        ]
    )


class AdmissionDesk:
    """One client, shared by all requests. But for `seen_at` nothing raises where Redis is away."""

    def __init__(self, url: str | None = None, remembered_seconds: int | None = None) -> None:
        settings = load_settings()
        self._remembered_seconds = remembered_seconds or settings.recent_event_seconds
        target = at_database(url or settings.require("redis_url"), Database.RATE_LIMITS)
        self._redis: Any = redis.asyncio.Redis.from_url(
            target,
            protocol=3,
            socket_timeout=ANSWER_SECONDS_LIMIT,
            socket_connect_timeout=ANSWER_SECONDS_LIMIT,
        )
        self._left_alone_until = 0.0
        self.failure_count = 0

    async def admit(self, asked: Sequence[Asked]) -> list[Admission]:
        """Count all of `asked`, in this order, and look their ids up: one round trip."""
        if time.monotonic() < self._left_alone_until:
            return [_uncounted(each) for each in asked]
        try:
            counted, known = await self._ask(asked)
        except (Error, OSError):
            self._failed()
            return [_uncounted(each) for each in asked]
        return [
            _admission(each, counted[5 * number : 5 * number + 5], known[number])
            for number, each in enumerate(asked)
        ]

    async def _ask(self, asked: Sequence[Asked]) -> tuple[list[int], list[bytes]]:
        keys, costs = [], [WINDOW_SECONDS * 1000, 0]
        for each in asked:
            keys += [_counter(each.key_id, "requests"), _counter(each.key_id, "events")]
            costs += [each.request_limit, 1, each.event_limit, each.event_count]
        by_kind: dict[str, list[int]] = {}
        for number, each in enumerate(asked):
            if each.records:
                by_kind.setdefault(each.kind, []).append(number)
        oldest = int(time.time()) - self._remembered_seconds
        async with self._redis.pipeline(transaction=False) as pipe:
            # The text and not its hash: redis-py would ask for the hash first, each time.
            pipe.eval(_LIMIT, len(keys), *keys, *costs)
            for kind, numbers in by_kind.items():
                records = b"".join(asked[number].records for number in numbers)
                pipe.eval(_KNOWN, 1, recent_events_prefix(kind), records, oldest)
            counted, *answers = await pipe.execute()
        known = [b""] * len(asked)
        for numbers, answer in zip(by_kind.values(), answers, strict=True):
            at = 0
            for number in numbers:
                count = len(asked[number].records) // RECORD_BYTES
                known[number] = answer[at : at + count]
                at += count
        return [int(value) for value in counted], known

    async def remember(self, kind: str, records: bytes) -> None:
        """Keep ids that the bus has acknowledged, and no others."""
        if time.monotonic() < self._left_alone_until:
            return
        now = struct.pack(">I", int(time.time()))
        try:
            key, seconds = recent_events_prefix(kind), self._remembered_seconds
            await self._redis.eval(_REMEMBER, 1, key, records, now, seconds)
        except (Error, OSError):
            self._failed()

    async def seen_at(self, kind: str, identity: str) -> float | None:
        """When the bus acknowledged the event with this id, in seconds since 1970, if known.

        Raises StoreUnavailable: not to know is no answer here.
        """
        wanted = bytes.fromhex(identity.replace("-", ""))
        try:
            found = int(await self._redis.eval(_SEEN, 1, recent_events_prefix(kind), wanted))
        except (Error, OSError) as error:
            self._failed()
            raise StoreUnavailable("REDIS_URL: Redis does not answer") from error
        return float(found) if found > time.time() - self._remembered_seconds else None

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    def _failed(self) -> None:
        self.failure_count += 1
        self._left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS


def _counter(key_id: str, what: str) -> str:
    return rate_limit_key(key_id, what)


def _uncounted(asked: Asked) -> Admission:
    return Admission(
        True,
        False,
        Quota(asked.request_limit, asked.request_limit, WINDOW_SECONDS),
        Quota(asked.event_limit, asked.event_limit, WINDOW_SECONDS),
        b"",
    )


def _admission(asked: Asked, counted: Sequence[int], known: bytes) -> Admission:
    allowed, requests_left, requests_ms, events_left, events_ms = counted
    return Admission(
        bool(allowed),
        True,
        Quota(asked.request_limit, max(0, requests_left), requests_ms / 1000),
        Quota(asked.event_limit, max(0, events_left), events_ms / 1000),
        known,
    )
