"""Where users are signed in: a session for each device, by its refresh token.

Belongs here: the scripts and their client. What a refresh token is made of belongs to serving;
here are only hashes of them. Every step is one script, so that of two refreshes at the same time
one comes first.

A refresh token works once. One that was used before means that two have it, and nobody can say
who is the thief: the session ends. The exception is the token before the present one within
GRACE_SECONDS: a browser with two tabs, or an answer that was lost. It ends nothing and gets
nothing.
"""

import json
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from stores.errors import StoreUnavailable
from stores.redis_store.client import Error, at_database
from stores.redis_store.keys import SESSION_SECONDS, Database, session_key
from stores.settings import load_settings

GRACE_SECONDS = 10
DEVICE_COUNT_LIMIT = 50
ANSWER_SECONDS_LIMIT = 2.0

Outcome = Literal["rotated", "raced", "reused", "unknown"]
Value = TypeVar("Value")

# What the scripts share. Times are RFC 3339 in UTC, which sort as text.
_COMMON = """
local key, lives, now, expires_at = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local function live()
  local found, all = {}, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local session = cjson.decode(all[i + 1])
    if session.expires_at <= now then
      redis.call('HDEL', key, all[i])
    else
      found[#found + 1] = {all[i], session}
    end
  end
  return found
end
local function keep(id, session)
  session.last_activity, session.expires_at = now, expires_at
  redis.call('HSET', key, id, cjson.encode(session))
  redis.call('EXPIRE', key, lives)
end
"""
_OPEN = (
    _COMMON
    + """
local id, token, device, limit = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local others = live()
table.sort(others, function(a, b) return a[2].last_activity < b[2].last_activity end)
for i = 1, #others - limit + 1 do redis.call('HDEL', key, others[i][1]) end
keep(id, {refresh_token = token, former_token = '', created_at = now, device_info = device})
return 1
"""
)
_ROTATE = (
    _COMMON
    + """
local id, given, new, raced_since = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local found = redis.call('HGET', key, id)
if not found then return 'unknown' end
local session = cjson.decode(found)
if session.expires_at <= now then
  redis.call('HDEL', key, id)
  return 'unknown'
end
if session.refresh_token == given then
  session.former_token, session.refresh_token = given, new
  keep(id, session)
  return 'rotated'
end
if session.former_token == given and session.last_activity >= raced_since then return 'raced' end
redis.call('HDEL', key, id)
return 'reused'
"""
)
_LIST = (
    _COMMON
    + """
local answer = {}
for _, each in ipairs(live()) do
  answer[#answer + 1] = each[1]
  answer[#answer + 1] = cjson.encode(each[2])
end
return answer
"""
)


@dataclass(frozen=True)
class DeviceSession:
    """Where a user is signed in. The id stays the same while its tokens change."""

    id: UUID
    device: str
    created_at: datetime
    last_activity: datetime
    expires_at: datetime


class SessionStore:
    """One client, shared by all requests. Every method raises StoreUnavailable."""

    def __init__(self, url: str | None = None) -> None:
        target = at_database(url or load_settings().require("redis_url"), Database.SESSIONS)
        self._redis: Any = redis.asyncio.Redis.from_url(
            target,
            protocol=3,
            decode_responses=True,
            socket_timeout=ANSWER_SECONDS_LIMIT,
            socket_connect_timeout=ANSWER_SECONDS_LIMIT,
            # Once and at once, for a connection that a restarted server has closed; the driver
            # would else try for seconds, while somebody waits to sign in.
            retry=Retry(NoBackoff(), 1),
        )

    async def open(self, user_id: UUID, session_id: UUID, token_hash: str, device: str) -> None:
        """A session of a new device; beyond DEVICE_COUNT_LIMIT the one longest unused ends."""
        await self._run(_OPEN, user_id, str(session_id), token_hash, device, DEVICE_COUNT_LIMIT)

    async def rotate(
        self, user_id: UUID, session_id: UUID, token_hash: str, new_hash: str
    ) -> Outcome:
        """Let the new token work instead of the given one, if that one works."""
        raced_since = _text(datetime.now(UTC) - timedelta(seconds=GRACE_SECONDS))
        found: Outcome = await self._run(
            _ROTATE, user_id, str(session_id), token_hash, new_hash, raced_since
        )
        return found

    async def list(self, user_id: UUID) -> list[DeviceSession]:
        """The sessions that there are, the one used last first."""
        found = await self._run(_LIST, user_id)
        sessions = [
            _device_session(name, json.loads(value))
            for name, value in zip(found[::2], found[1::2], strict=True)
        ]
        return sorted(sessions, key=lambda session: session.last_activity, reverse=True)

    async def close(self, user_id: UUID, session_id: UUID) -> bool:
        """End one; False where there is none."""
        return bool(await _answer(self._redis.hdel(session_key(user_id), str(session_id))))

    async def close_all(self, user_id: UUID) -> None:
        """End every one."""
        await _answer(self._redis.delete(session_key(user_id)))

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def _run(self, script: str, user_id: UUID, *arguments: str | int) -> Any:
        now = datetime.now(UTC)
        times = [SESSION_SECONDS, _text(now), _text(now + timedelta(seconds=SESSION_SECONDS))]
        # The text and not its hash: redis-py would ask for the hash first, each time.
        work = self._redis.eval(script, 1, session_key(user_id), *times, *arguments)
        return await _answer(work)


def _device_session(name: str, session: dict[str, str]) -> DeviceSession:
    return DeviceSession(
        UUID(name),
        session["device_info"],
        datetime.fromisoformat(session["created_at"]),
        datetime.fromisoformat(session["last_activity"]),
        datetime.fromisoformat(session["expires_at"]),
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


async def _answer(work: Awaitable[Value]) -> Value:
    try:
        return await work
    except (Error, OSError) as error:
        problem = f"REDIS_URL: Redis does not answer: {type(error).__name__}"
        raise StoreUnavailable(problem) from error
