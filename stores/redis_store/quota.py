"""Counters of quota: may this much still be used this month, decided in one step for everybody.

Belongs here: the scripts, and one client that runs them. The truth is the ledger in PostgreSQL
(`stores.postgres.quota_ledger`); which is asked when belongs to `serving.quota`.

A counter is three keys: the number used, its state (a hash: epoch, reserved, how many holds,
when counted, by which server), and the holds. A hold is an operation that the ledger does not
have yet, or a reservation. It has a deadline, but nothing here decides what its end means: a
counter with an overdue hold is counted anew from the ledger, like one of which a key is missing,
evicted or flushed.

A Redis that was restarted may have forgotten its last second. So each server's run id is part of
the scripts' text: another server does not know the script of that name, whoever asks it, and a
state written under another run id counts as lost.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

import redis.asyncio
from redis.exceptions import NoScriptError

from stores.errors import StoreUnavailable
from stores.redis_store.client import Error, at_database
from stores.redis_store.keys import (
    Database,
    quota_holds_key,
    quota_state_key,
    usage_expires_at,
    usage_key,
)
from stores.settings import load_settings

ANSWER_SECONDS_LIMIT = 0.5
# For so long an operation may be on its way to the ledger, whose statements end before that.
PENDING_SECONDS = 10.0
UNLIMITED = -1

_PRELUDE = """
local run = '%s'
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# Of each operation: its three keys, and member, amount, cap, stale epoch. An amount of 0 asks.
# The answer for each: what it came to, used, reserved, epoch, when counted.
_ADMIT = """
local pending, oldest = tonumber(ARGV[1]), now - tonumber(ARGV[2])
local answers = {}
for i = 0, #KEYS / 3 - 1 do
  local usage, state, holds = KEYS[i * 3 + 1], KEYS[i * 3 + 2], KEYS[i * 3 + 3]
  local member, amount = ARGV[i * 4 + 3], tonumber(ARGV[i * 4 + 4])
  local cap, stale = tonumber(ARGV[i * 4 + 5]), tonumber(ARGV[i * 4 + 6])
  local used = tonumber(call('GET', usage))
  local s = call('HMGET', state, 'epoch', 'reserved', 'holds', 'counted', 'run', 'ends')
  local epoch, reserved = tonumber(s[1]) or 0, tonumber(s[2]) or 0
  local outcome = 2
  if used and s[5] == run and epoch > stale and tonumber(s[4]) >= oldest
     and call('ZCARD', holds) == tonumber(s[3]) then
    local first = call('ZRANGE', holds, 0, 0, 'WITHSCORES')
    if not first[2] or tonumber(first[2]) > now then outcome = 1 end
  end
  if outcome == 1 and amount > 0 then
    if call('ZSCORE', holds, member) then
      outcome = 3
    elseif cap >= 0 and used + reserved + amount > cap then
      outcome = 0
    else
      if string.sub(member, 1, 1) == 'r' then
        reserved = call('HINCRBY', state, 'reserved', amount)
      else
        used = call('INCRBY', usage, amount)
      end
      call('ZADD', holds, now + pending, member)
      if call('HINCRBY', state, 'holds', 1) == 1 then call('PEXPIREAT', holds, s[6]) end
    end
  end
  for _, value in ipairs({outcome, used or 0, reserved, epoch, tonumber(s[4]) or 0}) do
    answers[#answers + 1] = value
  end
end
return answers
"""

# Of each hold: its three keys, and what became of it, member, amount, epoch, and a number more.
# What is said under another epoch was counted when the counter was, so it changes nothing; but
# the end of a reservation may have come after that count was made and before it arrives here.
_SETTLE = """
local answers = {}
for i = 0, #KEYS / 3 - 1 do
  local usage, state, holds = KEYS[i * 3 + 1], KEYS[i * 3 + 2], KEYS[i * 3 + 3]
  local what, member = ARGV[i * 5 + 1], ARGV[i * 5 + 2]
  local amount, epoch = tonumber(ARGV[i * 5 + 3]), tonumber(ARGV[i * 5 + 4])
  local more = tonumber(ARGV[i * 5 + 5])
  local s = call('HMGET', state, 'epoch', 'run')
  local mine = tonumber(s[1]) or 0
  if mine == epoch and s[2] == run and call('EXISTS', usage) == 1 then
    if what == 'extend' then
      call('ZADD', holds, 'XX', more, member)
    elseif call('ZREM', holds, member) == 0 then
      if what == 'end' then call('DEL', usage) end
    else
      call('HINCRBY', state, 'holds', -1)
      if what == 'drop' then call('DECRBY', usage, amount) end
      if what == 'free' or what == 'end' then call('HINCRBY', state, 'reserved', -amount) end
      if what == 'end' and more > 0 then call('INCRBY', usage, more) end
    end
  elseif what == 'end' and mine <= epoch then
    call('HSET', state, 'epoch', epoch)
    call('PEXPIRE', state, 3600000)
    call('DEL', usage)
  end
  answers[#answers + 1] = tonumber(call('GET', usage)) or -1
end
return answers
"""

# Only over an older epoch: a count that comes late is not written.
_RESTORE = """
local usage, state, holds = KEYS[1], KEYS[2], KEYS[3]
local epoch, ends = tonumber(ARGV[1]), ARGV[4]
if (tonumber(call('HGET', state, 'epoch')) or 0) >= epoch then return 0 end
call('DEL', holds)
call('SET', usage, ARGV[2], 'PXAT', ends)
call('HSET', state, 'epoch', epoch, 'reserved', ARGV[3], 'holds', (#ARGV - 4) / 2,
  'counted', now, 'run', run, 'ends', ends)
call('PEXPIREAT', state, ends)
for i = 5, #ARGV, 2 do call('ZADD', holds, ARGV[i], ARGV[i + 1]) end
if #ARGV > 4 then call('PEXPIREAT', holds, ends) end
return 1
"""
_SCRIPTS = {"admit": _ADMIT, "settle": _SETTLE, "restore": _RESTORE}


class Outcome(IntEnum):
    """What asking came to.

    LOST: count anew from the ledger, then ask again. UNDER_WAY: this operation has a hold, so
    somebody else is about to record it, or has.
    """

    REFUSED = 0
    ADMITTED = 1
    LOST = 2
    UNDER_WAY = 3


class Settlement(StrEnum):
    """What became of a hold."""

    RECORDED = "keep"  # a consumption that the ledger has
    DROPPED = "drop"  # a consumption that the ledger does not have, or had already
    EXTENDED = "extend"  # a reservation that the ledger has, until `more`, in ms since 1970
    FREED = "free"  # a reservation that the ledger does not have, or had already
    ENDED = "end"  # a reservation that was committed to `more`, or released: 0


@dataclass(frozen=True)
class Period:
    """What a counter counts: a resource that a user uses in a month."""

    user_id: UUID
    resource: str
    month: date

    @property
    def starts_at(self) -> datetime:
        """The month's first moment, in UTC."""
        return datetime(self.month.year, self.month.month, 1, tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        """The next month's first moment, in UTC."""
        return usage_expires_at(self.starts_at)

    @cached_property
    def key_names(self) -> tuple[str, str, str]:
        """The counter's three keys."""
        counter = usage_key(self.user_id, self.resource, self.starts_at)
        return counter, quota_state_key(counter), quota_holds_key(counter)


@dataclass(frozen=True)
class Ask:
    """What is wanted. `member` names the hold, of which an operation has one at a time.

    `cap` is what used and reserved may come to together. An epoch up to `stale_epoch` counts as
    lost: the ledger has a newer one.
    """

    period: Period
    member: str = ""
    amount: int = 0
    cap: int = UNLIMITED
    stale_epoch: int = 0


@dataclass(frozen=True)
class Told:
    """The answer, and the counter after it."""

    outcome: Outcome
    used: int
    reserved: int
    epoch: int
    counted_at: datetime


@dataclass(frozen=True)
class Settle:
    """What became of a hold, said under the epoch in which the ledger learned it."""

    period: Period
    what: Settlement
    member: str
    amount: int
    epoch: int
    more: int = 0


def consumption_hold(identity: UUID) -> str:
    """The hold of a consumption on its way to the ledger."""
    return f"c:{identity}"


def reservation_hold(identity: UUID) -> str:
    """The hold of a reservation, on its way to the ledger and after it."""
    return f"r:{identity}"


class QuotaCounters:
    """One client, shared by all requests. Every method raises StoreUnavailable."""

    def __init__(self, url: str | None = None, *, counted_seconds: float | None = None) -> None:
        settings = load_settings()
        self._oldest_ms = round((counted_seconds or settings.quota_recount_seconds) * 1000)
        target = at_database(url or settings.require("redis_url"), Database.USAGE)
        self._redis: Any = redis.asyncio.Redis.from_url(
            target,
            protocol=3,
            socket_timeout=ANSWER_SECONDS_LIMIT,
            socket_connect_timeout=ANSWER_SECONDS_LIMIT,
        )
        self._run_id = "unknown"

    async def admit(self, asked: Sequence[Ask]) -> list[Told]:
        """Decide on all of `asked`, in this order, in one round trip."""
        keys = [key for each in asked for key in each.period.key_names]
        arguments: list[Any] = [round(PENDING_SECONDS * 1000), self._oldest_ms]
        for each in asked:
            arguments += [each.member, each.amount, each.cap, each.stale_epoch]
        found = await self._run("admit", keys, arguments)
        return [_told(found[5 * number : 5 * number + 5]) for number in range(len(asked))]

    async def settle(self, settled: Sequence[Settle]) -> list[int | None]:
        """Say what became of holds. What is used now, for each, or None where that is lost."""
        keys = [key for each in settled for key in each.period.key_names]
        arguments: list[Any] = []
        for each in settled:
            arguments += [each.what.value, each.member, each.amount, each.epoch, each.more]
        found = await self._run("settle", keys, arguments)
        return [None if value < 0 else value for value in found]

    async def restore(
        self, period: Period, epoch: int, used: int, holds: Sequence[tuple[UUID, int, datetime]]
    ) -> None:
        """Write what the ledger has; `holds` are the reservations: id, amount, end."""
        ends = round(period.ends_at.timestamp() * 1000)
        arguments: list[Any] = [epoch, used, sum(amount for _, amount, _ in holds), ends]
        for identity, _, expires_at in holds:
            arguments += [milliseconds(expires_at), reservation_hold(identity)]
        await self._run("restore", list(period.key_names), arguments)

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def _run(self, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            for _ in range(3):
                script = self._text(name)
                digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
                try:
                    return await self._redis.evalsha(digest, len(keys), *keys, *arguments)
                except NoScriptError:
                    await self._load()
        except (Error, OSError) as error:
            problem = f"REDIS_URL: Redis does not answer: {type(error).__name__}"
            raise StoreUnavailable(problem) from error
        raise StoreUnavailable("REDIS_URL: Redis is restarted again and again")

    async def _load(self) -> None:
        """Learn which server this is, and give it the scripts that name it."""
        run_id = (await self._redis.info("server"))["run_id"]
        self._run_id = run_id
        for name in _SCRIPTS:
            await self._redis.script_load(self._text(name))
        if (await self._redis.info("server"))["run_id"] != run_id:
            # Restarted in between: the new server must not know the former one's scripts.
            await self._redis.script_flush()

    def _text(self, name: str) -> str:
        return _PRELUDE % self._run_id + _SCRIPTS[name]


def milliseconds(moment: datetime) -> int:
    """Since 1970, rounded up: a hold must not end before its reservation does."""
    return math.ceil(moment.timestamp() * 1000)


def _told(answer: Sequence[int]) -> Told:
    outcome, used, reserved, epoch, counted = (int(value) for value in answer)
    return Told(
        Outcome(outcome), used, reserved, epoch, datetime.fromtimestamp(counted / 1000, UTC)
    )
