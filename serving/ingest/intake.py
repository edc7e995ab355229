"""From a checked batch to the bus: may the key send it, which ids are known, is it on disk?

Belongs here: the order of these steps and what is shared by requests that come together.

1. The desk counts the request against the key's limits and says which ids were sent lately.
2. What is new goes on the bus, and what was refused on the dead letters' topic. Nothing is
   answered before both are on disk; where either fails, the whole batch is to be sent again.
3. Only then the ids are remembered. An id that is forgotten, or a Redis that is lost, changes
   nothing but that a repetition is found later, by the writer, in ClickHouse.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from serving.ingest.grouping import Grouped
from serving.principals import Principal
from serving.problems import Problem, unavailable
from serving.tracing import traceparent
from stores.event_bus import dead_letters
from stores.event_bus.dead_letters import DeadLetter
from stores.event_bus.interface import AsyncPublisher, Message
from stores.event_bus.parsing import CONFLICT, CONFLICT_REASON, Batch, Line, Rejection
from stores.event_bus.rows import Kind, payload_digests
from stores.redis_store.admission import (
    RECORD_BYTES,
    Admission,
    AdmissionDesk,
    Asked,
    Known,
    Quota,
    records_of,
)
from stores.settings import Settings

logger = logging.getLogger(__name__)

MESSAGE_LIMIT_EVENTS = 1000
MESSAGE_LIMIT_BYTES = 1024 * 1024
GROUP_LIMIT_EVENTS = 10_000
# Ids waiting to be remembered; beyond that they are forgotten, which does no harm.
REMEMBER_LIMIT_BYTES = 4 * 1024 * 1024
_WARN_SECONDS = 30.0


@dataclass(frozen=True)
class _Parcel:
    """What one request puts on one topic."""

    topic: str
    key: bytes
    lines: list[bytes]
    trace: str = ""


class Intake:
    """One for the application; closes the desk but not the publisher, which it was given."""

    def __init__(self, publisher: AsyncPublisher, desk: AdmissionDesk, settings: Settings) -> None:
        self._publisher = publisher
        self._desk = desk
        self._settings = settings
        self._admitting: Grouped[Asked, Admission] = Grouped(
            desk.admit, lambda asked: asked.event_count, GROUP_LIMIT_EVENTS
        )
        self._publishing: Grouped[_Parcel, None] = Grouped(
            self._publish, lambda parcel: len(parcel.lines), GROUP_LIMIT_EVENTS
        )
        self._to_remember: dict[str, list[bytes]] = {}
        self._to_remember_bytes = 0
        self._remembering: asyncio.Task[None] | None = None
        self._refused_until: dict[str, float] = {}
        self._warned_at = -_WARN_SECONDS

    def turn_away_early(self, key: Principal) -> None:
        """Raises Problem 429 for a key that was refused a moment ago, before its body is read."""
        until = self._refused_until.get(str(key.id))
        if until is None:
            return
        left = until - time.monotonic()
        if left <= 0:
            del self._refused_until[str(key.id)]
            return
        raise _too_many(left, [])

    async def admit(self, key: Principal, event_count: int, kind: str, records: bytes) -> Admission:
        """Count the request. Raises Problem 429, and 503 where it must be counted and cannot."""
        asked = Asked(
            str(key.id),
            key.requests_per_minute or self._settings.api_requests_per_minute,
            key.events_per_minute or self._settings.api_events_per_minute,
            event_count,
            kind,
            records,
        )
        admission = await self._admitting.submit(asked)
        if not admission.is_counted:
            self._warn()
            if not self._settings.rate_limits_fail_open:
                raise unavailable("Requests cannot be counted right now; try again.")
        if not admission.is_allowed:
            short = [
                quota.seconds
                for quota, cost in ((admission.requests, 1), (admission.events, event_count))
                if quota.left < cost
            ]
            seconds = max(short, default=1.0)
            if admission.requests.left < 1 or admission.events.left < 1:
                self._refused_until[str(key.id)] = time.monotonic() + min(seconds, 1.0)
            fewer = 0 < admission.events.left < event_count and admission.requests.left > 0
            raise _too_many(
                seconds, rate_limit_headers(admission), admission.events.left if fewer else 0
            )
        return admission

    async def take(self, kind: Kind, key: Principal, batch: Batch) -> Admission:
        """Put `batch` on the bus; what was known of it moves to its duplicates and rejections.

        Raises Problem 429, TransientError where it is not on disk.
        """
        records = _records(batch)
        admission = await self.admit(key, batch.event_count, kind.name, records)
        if admission.known.strip(b"0"):
            records = _settle_known(kind, batch, admission.known, records)
        await self._publish_all(kind, key, batch)
        self._remember(kind.name, records)
        return admission

    async def _publish_all(self, kind: Kind, key: Principal, batch: Batch) -> None:
        partition = str(key.id).encode()
        waits = []
        if batch.accepted:
            lines = [line.line for line in batch.accepted]
            waits.append(
                self._publishing.submit(
                    _Parcel(kind.topic.name, partition, lines, traceparent.get())
                )
            )
        if batch.rejected:
            waits.append(self.bury(kind, key, first_rules(batch.rejected)))
        if len(waits) == 1:
            await waits[0]
        elif waits:
            await asyncio.gather(*waits)

    async def bury(self, kind: Kind, key: Principal, refused: Sequence[Rejection]) -> None:
        """Keep what was refused, with its bytes. Raises TransientError."""
        now = datetime.now(UTC)
        letters = (
            DeadLetter(f"key:{key.id}", each.field, each.rule, each.reason, each.body, now, each.id)
            for each in refused
        )
        await self._publisher.publish(kind.topic.dead_letters, list(dead_letters.messages(letters)))

    async def _publish(self, parcels: Sequence[_Parcel]) -> Sequence[None]:
        by_place: dict[tuple[str, bytes], list[bytes]] = {}
        traces: dict[tuple[str, bytes], str] = {}
        for parcel in parcels:
            place = parcel.topic, parcel.key
            by_place.setdefault(place, []).extend(parcel.lines)
            if parcel.trace:
                # Of requests that share a message the first is traced on.
                traces.setdefault(place, parcel.trace)
        by_topic: dict[str, list[Message]] = {}
        for (topic, key), lines in by_place.items():
            by_topic.setdefault(topic, []).extend(
                messages(lines, key, traces.get((topic, key), ""))
            )
        for topic, packed in by_topic.items():
            await self._publisher.publish(topic, packed)
        return [None] * len(parcels)

    def _remember(self, kind: str, records: bytes) -> None:
        if not records or self._to_remember_bytes + len(records) > REMEMBER_LIMIT_BYTES:
            return
        self._to_remember.setdefault(kind, []).append(records)
        self._to_remember_bytes += len(records)
        if self._remembering is None:
            self._remembering = asyncio.create_task(self._remember_all())

    async def _remember_all(self) -> None:
        try:
            while self._to_remember:
                parts, self._to_remember, self._to_remember_bytes = self._to_remember, {}, 0
                for kind, records in parts.items():
                    await self._desk.remember(kind, b"".join(records))
        finally:
            self._remembering = None

    async def seen_at(self, kind: Kind, identity: str) -> float | None:
        """When the bus acknowledged an event, if that is still known. Raises TransientError."""
        return await self._desk.seen_at(kind.name, identity)

    async def close(self) -> None:
        """Let what is under way end."""
        await self._publishing.drain()
        if self._remembering is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._remembering
        await self._desk.close()

    def _warn(self) -> None:
        now = time.monotonic()
        if now - self._warned_at >= _WARN_SECONDS:
            self._warned_at = now
            logger.warning("REDIS_URL: Redis does not answer; no rate is limited meanwhile")


def _records(batch: Batch) -> bytes:
    accepted = batch.accepted
    digests = payload_digests(line.line for line in accepted)
    return records_of([line.id for line in accepted], digests)


def _settle_known(kind: Kind, batch: Batch, known: bytes, records: bytes) -> bytes:
    """Move known events out of the accepted; the records of those that are left."""
    accepted: list[Line] = []
    left: list[bytes] = []
    for number, (line, state) in enumerate(zip(batch.accepted, known, strict=True)):
        if state == Known.DUPLICATE:
            batch.duplicates.append(line)
        elif state == Known.CONFLICT:
            batch.rejected.append(
                Rejection(
                    line.place,
                    kind.topic.id_column,
                    CONFLICT,
                    CONFLICT_REASON,
                    line.id,
                    line.line,
                )
            )
        else:
            accepted.append(line)
            left.append(records[number * RECORD_BYTES : (number + 1) * RECORD_BYTES])
    batch.accepted = accepted
    batch.rejected.sort(key=lambda rejection: rejection.index)
    return b"".join(left)


def first_rules(rejections: Sequence[Rejection]) -> list[Rejection]:
    """Of each refused event the first rule that it breaks."""
    first: dict[int, Rejection] = {}
    for rejection in rejections:
        first.setdefault(rejection.index, rejection)
    return list(first.values())


def messages(lines: list[bytes], key: bytes | None = None, trace: str = "") -> Iterator[Message]:
    """Pack lines into messages that stay small enough to be handled one by one."""
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and (len(part) == MESSAGE_LIMIT_EVENTS or size + len(line) > MESSAGE_LIMIT_BYTES):
            yield _message(part, key, trace)
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield _message(part, key, trace)


def _message(lines: list[bytes], key: bytes | None, trace: str) -> Message:
    return Message(b"\n".join(lines), len(lines), key, trace)


def rate_limit_headers(admission: Admission) -> list[tuple[str, str]]:
    """The headers of the IETF draft "RateLimit header fields", two policies by the minute."""
    policy = (
        f'"requests";q={admission.requests.limit};w=60, "events";q={admission.events.limit};w=60'
    )
    if not admission.is_counted:
        return [("RateLimit-Policy", policy), ("RateLimit-Unavailable", "not counted right now")]
    state = f"{_state('requests', admission.requests)}, {_state('events', admission.events)}"
    return [("RateLimit-Policy", policy), ("RateLimit", state)]


def _state(name: str, quota: Quota) -> str:
    return f'"{name}";r={quota.left};t={math.ceil(quota.seconds)}'


def _too_many(seconds: float, headers: list[tuple[str, str]], left: int = 0) -> Problem:
    wait = max(1, math.ceil(seconds))
    detail = f"This key has sent all it may for now; try again in {wait} s."
    if left:
        detail = f"This key may send {left} more events now; send fewer, or all in {wait} s."
    return Problem(
        429,
        detail,
        dict(headers) | {"Retry-After": str(wait)},
    )
