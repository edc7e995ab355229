"""The event bus on Redis Streams (Redis 7.2 or newer, or Valkey), with an append-only file.

Published means: appended to the append-only file and synced, which WAITAOF confirms. It is
asked in the same round trip as the appends, so a batch costs one wait. The server must have
`appendonly yes` and `maxmemory-policy noeviction`; with `appendfsync always` a wait takes
about a millisecond.

Bodies of some size are stored compressed (zstd): an eighth of the bytes to send, to sync and to
keep in memory, at 0.3 µs an event, which writing them to the socket in full costs several times.

A partition is a stream. All who may read it do so under one name in the consumer group, one
after the other: so a successor finds what its predecessor was handed and did not settle.
"""

import random
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from time import sleep, time
from typing import Any, cast

import redis
import redis.asyncio
import zstandard
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from stores.errors import StoreBusy, StoreUnavailable
from stores.event_bus.interface import GROUP, Delivery, Message, Span

_MEMBER = "writer"
_SYNC_TIMEOUT_MS = 5000
_SOCKET_TIMEOUT_SECONDS = 10
_PAGE_MESSAGES = 64
# Below it a body is stored as it is: a few lines have little in common.
_COMPRESS_FROM_BYTES = 4096
_COMPRESSION_LEVEL = 1
# A publish takes a millisecond or two, so a flood of requests queues here and not at the bus.
_CONNECTION_LIMIT = 32

# Also on a server whose memory is full: nobody else could empty it.
_MAKE_GROUP = """#!lua flags=allow-oom
return redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
"""
# Counted only if something was not acknowledged before: the answer to an earlier call may have
# been lost. Trimmed is what lies below everything not settled, and below what is to be kept.
_SETTLE = """
local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[3], 1000000)
for _, entry in ipairs(found) do redis.call('XACK', KEYS[1], ARGV[1], entry[1]) end
if #found > 0 then redis.call('HINCRBY', KEYS[2], 'settled_count', ARGV[4]) end
if #redis.call('XINFO', 'GROUPS', KEYS[1]) ~= 1 then return #found end
local open = redis.call('XPENDING', KEYS[1], ARGV[1])
local below = ARGV[3]
if open[1] > 0 then below = open[2] end
if tonumber(ARGV[5]) < tonumber(string.match(below, '^%d+')) then below = ARGV[5] end
redis.call('XTRIM', KEYS[1], 'MINID', '=', below)
return #found
"""


def _stream(topic: str, partition: int) -> str:
    """The first partition has the name that the only one had before there were several."""
    return f"events:{topic}:{partition}" if partition else f"events:{topic}"


def _counts_key(topic: str) -> str:
    return f"events:{topic}:counts"


def _partitions_key(topic: str) -> str:
    return f"events:{topic}:partitions"


@contextmanager
def _translated() -> Iterator[None]:
    """Redis' errors as ours: refusing to write is being busy, the rest is being away."""
    try:
        yield
    except ResponseError as error:
        raise StoreBusy(f"EVENT_BUS_URL: the event bus refuses: {error}") from error
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"EVENT_BUS_URL: the event bus does not answer: {error}") from error


def _partition_of(message: Message, count: int) -> int:
    if message.key is None:
        return random.randrange(count)  # noqa: S311  any partition will do
    return zlib.crc32(message.key) % count


class _Appends:
    """What publishing sends; for one thread, for its compressor is."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._zstd = zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL)

    def queue(self, pipe: Any, topic: str, messages: Sequence[Message]) -> None:
        """All appends in one transaction, then one wait for the disk."""
        pipe.execute_command("MULTI")
        used = set()
        for message in messages:
            partition = _partition_of(message, self._partitions)
            used.add(partition)
            pipe.xadd(_stream(topic, partition), self._fields(message))
        total = sum(message.event_count for message in messages)
        pipe.hincrby(_counts_key(topic), "published_count", total)
        pipe.sadd(_partitions_key(topic), *used)
        pipe.execute_command("EXEC")
        pipe.execute_command("WAITAOF", 1, 0, _SYNC_TIMEOUT_MS)

    def _fields(self, message: Message) -> dict[Any, Any]:
        fields: dict[Any, Any] = {"n": message.event_count}
        if message.trace:
            fields["trace"] = message.trace
        if len(message.body) < _COMPRESS_FROM_BYTES:
            return {"body": message.body, **fields}
        return {"zstd": self._zstd.compress(message.body), **fields}


def _confirm(answers: Sequence[Any]) -> None:
    synced = answers[-1]
    if not synced or int(synced[0]) < 1:
        raise StoreUnavailable("EVENT_BUS_URL: the event bus did not write to disk in time")


class RedisStreamsPublisher:
    """The API's side. Connections are shared and made again after a failure."""

    def __init__(self, url: str, partitions: int = 1) -> None:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            protocol=3,
            socket_timeout=_SOCKET_TIMEOUT_SECONDS,
            socket_connect_timeout=2,
            max_connections=_CONNECTION_LIMIT,
            timeout=_SOCKET_TIMEOUT_SECONDS,
        )
        self._redis = redis.asyncio.Redis.from_pool(pool)
        self._appends = _Appends(partitions)

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """As the interface says."""
        if not messages:
            return
        with _translated():
            async with self._redis.pipeline(transaction=False) as pipe:
                self._appends.queue(pipe, topic, messages)
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

    def __init__(self, url: str, partitions: int = 1, keep_hours: float = 0) -> None:
        self._redis: Any = redis.Redis.from_url(
            url, protocol=3, socket_timeout=_SOCKET_TIMEOUT_SECONDS, socket_connect_timeout=2
        )
        self._partitions = partitions
        self._appends = _Appends(partitions)
        self._keep_seconds = keep_hours * 3600
        # Of each open partition, the last message handed out; and while what was handed out
        # before is handed out again, the last of that.
        self._handed: dict[str, dict[int, str]] = {}
        self._again: dict[str, dict[int, str]] = {}

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Append and sync."""
        if not messages:
            return
        with _translated(), self._redis.pipeline(transaction=False) as pipe:
            self._appends.queue(pipe, topic, messages)
            _confirm(pipe.execute())

    def partitions(self, topic: str) -> list[int]:
        """Those set, and those that anybody has written to."""
        with _translated():
            written = self._redis.smembers(_partitions_key(topic))
        return sorted({*range(self._partitions), *(int(number) for number in written)})

    def open(self, topic: str, partitions: Iterable[int]) -> None:
        """Begin new ones with what is pending."""
        handed, again = self._handed.get(topic, {}), self._again.get(topic, {})
        self._handed[topic], self._again[topic] = {}, {}
        for number in partitions:
            if number in handed:
                self._handed[topic][number] = handed[number]
                if number in again:
                    self._again[topic][number] = again[number]
            else:
                self._handed[topic][number] = self._last_handed(_stream(topic, number))
                self._again[topic][number] = "0"

    def consume(self, topic: str, limit: int) -> list[Delivery]:
        """What was handed out before, partition by partition; then new messages of all."""
        again, handed = self._again.get(topic, {}), self._handed.get(topic, {})
        for number, after in list(again.items()):
            if found := self._read_group(topic, {number: after}, limit):
                again[number] = found[-1].position
                return found
            del again[number]
        found = self._read_group(topic, dict.fromkeys(handed, ">"), limit)
        handed.update((item.partition, item.position) for item in found)
        return found

    def _read_group(self, topic: str, starts: Mapping[int, str], limit: int) -> list[Delivery]:
        if not starts:
            return []
        numbers = {_stream(topic, number).encode(): number for number in starts}
        streams = {_stream(topic, number): start for number, start in starts.items()}
        try:
            with _translated():
                found = self._redis.xreadgroup(GROUP, _MEMBER, streams, count=limit)
        except StoreBusy:
            # A server that lost its data has no group either; opening again makes it anew.
            lost = list(self._handed.pop(topic, {}))
            self._again.pop(topic, None)
            self.open(topic, lost)
            raise
        # By protocol 3 the answer maps a stream to a list of lists of entries.
        return [
            _delivery(numbers[stream], entry)
            for stream, part in (found or {}).items()
            for entry in part[0]
            # A message that was trimmed after it was handed out has nothing in it.
            if entry[1]
        ]

    def between(self, topic: str, span: Span) -> list[Delivery]:
        """Read without handing out."""
        with _translated():
            found = self._redis.xrange(_stream(topic, span.partition), span.first, span.last)
        return [_delivery(span.partition, entry) for entry in found]

    def since(self, topic: str, moment: datetime) -> Iterator[Delivery]:
        """Page through each stream."""
        for number, end in self.ends(topic).items():
            start = str(int(moment.timestamp() * 1000))
            while True:
                with _translated():
                    found = self._redis.xrange(
                        _stream(topic, number), start, end, count=_PAGE_MESSAGES
                    )
                yield from (_delivery(number, entry) for entry in found)
                if len(found) < _PAGE_MESSAGES:
                    break
                start = f"({found[-1][0].decode()}"

    def wait(self, topics: Sequence[str], seconds: float) -> None:
        """Block on all open streams at once, after what was handed out last."""
        ends = {
            _stream(topic, number): last
            for topic in topics
            for number, last in self._handed.get(topic, {}).items()
        }
        if not ends:
            sleep(seconds)
            return
        with _translated():
            try:
                self._redis.xread(ends, count=1, block=max(1, int(seconds * 1000)))
            except RedisTimeout:
                return

    def _last_handed(self, stream: str) -> str:
        """What the group was handed last; the group is made where there is none."""
        with _translated():
            try:
                self._redis.eval(_MAKE_GROUP, 1, stream, GROUP)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
            return self._group(stream)["last-delivered-id"].decode()  # type: ignore[no-any-return]

    def _group(self, stream: str) -> dict[str, Any]:
        groups: list[dict[str, Any]] = self._redis.xinfo_groups(stream)
        return next(group for group in groups if group["name"] == GROUP.encode())

    def settle(self, topic: str, spans: Sequence[Span]) -> None:
        """Acknowledge, count and trim, each span in one script."""
        keep_from = int((time() - self._keep_seconds) * 1000) if self._keep_seconds else 2**53
        for span in spans:
            keys = [_stream(topic, span.partition), _counts_key(topic)]
            values = [GROUP, span.first, span.last, span.event_count, keep_from]
            with _translated():
                self._redis.eval(_SETTLE, len(keys), *keys, *values)

    def ends(self, topic: str) -> dict[int, str]:
        """The last message ever appended to each stream that there is."""
        found: dict[int, str] = {}
        for number in self.partitions(topic):
            with _translated():
                try:
                    state = self._redis.xinfo_stream(_stream(topic, number))
                except ResponseError as error:
                    if "no such key" not in str(error):
                        raise
                    continue
            found[number] = state["last-generated-id"].decode()
        return found

    def is_settled(self, topic: str, ends: Mapping[int, str]) -> bool:
        """Handed out, and nothing pending."""
        return all(
            self._is_settled(_stream(topic, number), end)
            for number, end in ends.items()
            if end != "0-0"
        )

    def _is_settled(self, stream: str, end: str) -> bool:
        handed = self._last_handed(stream)
        with _translated():
            return _order(handed) >= _order(end) and not self._redis.xpending_range(
                stream, GROUP, "-", end, 1
            )

    def lag(self, topic: str) -> int:
        """Events published and not settled."""
        with _translated():
            found = self._redis.hgetall(_counts_key(topic))
        published = int(found.pop(b"published_count", 0))
        return max(0, published - sum(int(value) for value in found.values()))

    def ping(self) -> None:
        """Ask for a sign of life."""
        with _translated():
            self._redis.ping()

    def close(self) -> None:
        """Close."""
        self._redis.close()


def _order(position: str) -> tuple[int, int]:
    milliseconds, _, number = position.partition("-")
    return int(milliseconds), int(number or 0)


def _delivery(partition: int, entry: Any) -> Delivery:
    position, fields = entry
    text = position.decode()
    trace = fields.get(b"trace", b"").decode()
    return Delivery(text, _body(fields), int(fields[b"n"]), partition, _order(text)[0], trace)


def _body(fields: Mapping[bytes, bytes]) -> bytes:
    """What was published; what cannot be unpacked stays as it is, and becomes a dead letter."""
    if b"zstd" not in fields:
        return fields[b"body"]
    try:
        return zstandard.decompress(fields[b"zstd"])
    except zstandard.ZstdError:
        return fields[b"zstd"]
