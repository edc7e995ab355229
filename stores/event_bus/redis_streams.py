"""The event bus on Redis Streams (Redis 7.2 or newer, or Valkey), with an append-only file.

Published means: appended to the append-only file and synced, which WAITAOF confirms. It is
asked in the same round trip as the appends, so a batch costs one wait. The server must have
`appendonly yes` and `maxmemory-policy noeviction`; with `appendfsync always` a wait takes
about a millisecond.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis
import redis.asyncio
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from stores.errors import StoreBusy, StoreUnavailable
from stores.event_bus.interface import GROUP, Counts, Delivery, Message

# One group member: a holder is the only reader of its topics, so a successor takes over its name.
_MEMBER = "writer"
_SYNC_TIMEOUT_MS = 5000
_SOCKET_TIMEOUT_SECONDS = 10
# A publish takes a millisecond or two, so a flood of requests queues here and not at the bus.
_CONNECTION_LIMIT = 32

# Acknowledged counts are added only if the messages were not acknowledged before: the answer
# to an earlier call may have been lost.
_ACK = """
local done = 0
for i = 6, #ARGV do done = done + redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) end
if done > 0 then
  redis.call('HINCRBY', KEYS[2], 'landed_count', ARGV[2])
  redis.call('HINCRBY', KEYS[2], 'duplicate_count', ARGV[3])
  redis.call('HINCRBY', KEYS[2], 'dead_letter_count', ARGV[4])
end
redis.call('DEL', KEYS[3])
if ARGV[5] == '1' then redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[#ARGV]) end
return done
"""
_HOLD = """
local now = redis.call('GET', KEYS[1])
if now and now ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


def _stream(topic: str) -> str:
    return f"events:{topic}"


def _counts_key(topic: str) -> str:
    return f"events:{topic}:counts"


def _note_key(topic: str) -> str:
    return f"events:{topic}:note"


@contextmanager
def _translated() -> Iterator[None]:
    """Redis' errors as ours: refusing to write is being busy, the rest is being away."""
    try:
        yield
    except ResponseError as error:
        raise StoreBusy(f"EVENT_BUS_URL: the event bus refuses: {error}") from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"EVENT_BUS_URL: the event bus does not answer: {error}") from error


def _queue_publish(pipe: Any, topic: str, messages: Sequence[Message]) -> None:
    """All appends in one transaction, then one wait for the disk."""
    pipe.execute_command("MULTI")
    for message in messages:
        pipe.xadd(_stream(topic), {"body": message.body, "n": message.event_count})
    total = sum(message.event_count for message in messages)
    pipe.hincrby(_counts_key(topic), "published_count", total)
    pipe.execute_command("EXEC")
    pipe.execute_command("WAITAOF", 1, 0, _SYNC_TIMEOUT_MS)


def _confirm(answers: Sequence[Any]) -> None:
    synced = answers[-1]
    if not synced or int(synced[0]) < 1:
        raise StoreUnavailable("EVENT_BUS_URL: the event bus did not write to disk in time")


class RedisStreamsPublisher:
    """The API's side. Connections are shared and made again after a failure."""

    def __init__(self, url: str) -> None:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            protocol=3,
            socket_timeout=_SOCKET_TIMEOUT_SECONDS,
            socket_connect_timeout=2,
            max_connections=_CONNECTION_LIMIT,
            timeout=_SOCKET_TIMEOUT_SECONDS,
        )
        self._redis = redis.asyncio.Redis.from_pool(pool)

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """As the interface says."""
        if not messages:
            return
        with _translated():
            async with self._redis.pipeline(transaction=False) as pipe:
                _queue_publish(pipe, topic, messages)
                _confirm(await pipe.execute())

    async def ping(self) -> None:
        """As the interface says."""
        with _translated():
            await cast(Any, self._redis.ping())

    async def close(self) -> None:
        """As the interface says."""
        await self._redis.aclose()


class RedisStreams:
    """The writer's side; see the interface for what each method promises."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis.Redis.from_url(
            url, protocol=3, socket_timeout=_SOCKET_TIMEOUT_SECONDS, socket_connect_timeout=2
        )
        self._grouped: set[str] = set()

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Append and sync."""
        if not messages:
            return
        with _translated(), self._redis.pipeline(transaction=False) as pipe:
            _queue_publish(pipe, topic, messages)
            _confirm(pipe.execute())

    def consume(self, topic: str, limit: int) -> list[Delivery]:
        """Hand out new messages."""
        return self._read_group(topic, ">", limit)

    def pending(self, topic: str, limit: int) -> list[Delivery]:
        """Hand out again what was not acknowledged."""
        return self._read_group(topic, "0", limit)

    def _read_group(self, topic: str, start: str, limit: int) -> list[Delivery]:
        self._ensure_group(topic)
        try:
            with _translated():
                found = self._redis.xreadgroup(GROUP, _MEMBER, {_stream(topic): start}, count=limit)
        except StoreBusy:
            # A server that lost its data has no group either; the next call makes it anew.
            self._grouped.clear()
            raise
        # By protocol 3 the answer maps a stream to a list of lists of entries.
        return [_delivery(entry) for part in (found or {}).values() for entry in part[0]]

    def between(self, topic: str, first: str, last: str) -> list[Delivery]:
        """Read without handing out."""
        with _translated():
            return [_delivery(entry) for entry in self._redis.xrange(_stream(topic), first, last)]

    def wait(self, topics: Sequence[str], seconds: float) -> None:
        """Block on all topics at once, after what the group was handed last."""
        for topic in topics:
            self._ensure_group(topic)
        milliseconds = max(1, int(seconds * 1000))
        with _translated():
            ends = {_stream(topic): self._last_handed(topic) for topic in topics}
            try:
                self._redis.xread(ends, count=1, block=milliseconds)
            except RedisTimeout:
                return

    def _last_handed(self, topic: str) -> str:
        groups = self._redis.xinfo_groups(_stream(topic))
        ours = next(group for group in groups if group["name"] == GROUP.encode())
        return str(ours["last-delivered-id"].decode())

    def _ensure_group(self, topic: str) -> None:
        if topic in self._grouped:
            return
        with _translated():
            try:
                self._redis.xgroup_create(_stream(topic), GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
        self._grouped.add(topic)

    def remember(self, topic: str, note: bytes) -> None:
        """Set and sync."""
        with _translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.set(_note_key(topic), note)
            pipe.execute_command("WAITAOF", 1, 0, _SYNC_TIMEOUT_MS)
            _confirm(pipe.execute())

    def recall(self, topic: str) -> bytes | None:
        """Get."""
        with _translated():
            return cast("bytes | None", self._redis.get(_note_key(topic)))

    def ack(self, topic: str, positions: Sequence[str], settled: Counts) -> None:
        """Acknowledge, count, forget and trim in one script."""
        keys = [_stream(topic), _counts_key(topic), _note_key(topic)]
        counted = [settled.landed_count, settled.duplicate_count, settled.dead_letter_count]
        with _translated():
            only_group = len(self._redis.xinfo_groups(keys[0])) == 1
            # Trimming keeps the last message acknowledged; those before it go.
            self._redis.eval(
                _ACK, len(keys), *keys, GROUP, *counted, "1" if only_group else "0", *positions
            )

    def counts(self, topic: str) -> Counts:
        """Read the counters."""
        with _translated():
            found = self._redis.hgetall(_counts_key(topic))
        return Counts(**{name.decode(): int(value) for name, value in found.items()})

    def hold(self, name: str, holder: str, seconds: float) -> bool:
        """Set with an end, unless another holds it."""
        with _translated():
            key = f"events:{name}:holder"
            return bool(self._redis.eval(_HOLD, 1, key, holder, int(seconds * 1000)))

    def holder(self, name: str) -> str | None:
        """Get."""
        with _translated():
            found = self._redis.get(f"events:{name}:holder")
        return found.decode() if found else None

    def release(self, name: str, holder: str) -> None:
        """Delete, if still ours."""
        with _translated():
            self._redis.eval(_RELEASE, 1, f"events:{name}:holder", holder)

    def ping(self) -> None:
        """Ask for a sign of life."""
        with _translated():
            self._redis.ping()

    def close(self) -> None:
        """Close."""
        self._redis.close()


def _delivery(entry: Any) -> Delivery:
    position, fields = entry
    return Delivery(position.decode(), fields[b"body"], int(fields[b"n"]))
