"""The event writer: from the bus into ClickHouse, until drained or for ever.

Belongs here: the loop, its pace, waiting out failures. How one batch is landed is in `landing.py`.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Protocol

from ingestion.events import relay
from ingestion.events.landing import Landing
from ingestion.events.letters import LetterLanding
from ingestion.events.membership import Membership
from ingestion.events.tables import Tables
from stores import event_bus
from stores.clickhouse import client as clickhouse
from stores.errors import PlatformError, StateConflict, StoreUnavailable, TransientError
from stores.event_bus.interface import Counts, Delivery, EventBus
from stores.event_bus.rows import KINDS
from stores.event_bus.topics import ANALYTICS_TOPICS, TOPICS
from stores.postgres.event_landings import EventLandings

logger = logging.getLogger(__name__)

# One insert per table and second is what MergeTree merges at ease; it is also what a reader waits.
PACE_SECONDS = 1.0
BATCH_LIMIT_EVENTS = 50_000
BATCH_LIMIT_BYTES = 32 * 1024 * 1024
REFRESH_SECONDS = 1.0
_READ_LIMIT_MESSAGES = 16
_IDLE_SECONDS = 1.0
_TURN_SECONDS = 0.05
# Nothing came for so long although something is not settled.
_STRANDED_SECONDS = 5.0
_BACKOFF_SECONDS = (0.25, 5.0)
_INSERT_TIMEOUT_SECONDS = 120
# A batch is very many small objects without cycles, which at Python's own 700 are looked through
# again and again: a third of reading a batch.
_COLLECT_AFTER = 20_000
_REASON_LIMIT = 160
_TOPIC_NAMES = tuple(topic.name for topic in ANALYTICS_TOPICS)
_NAMES = (*_TOPIC_NAMES, *(topic.dead_letters for topic in TOPICS))
_FAILURES = (TransientError, StateConflict, clickhouse.Error, OSError)


@dataclass(frozen=True)
class TopicReport:
    """What a drain saw of one topic: events settled meanwhile, and what is still on its way."""

    topic: str
    landed_count: int
    duplicate_count: int
    conflict_count: int
    dead_letter_count: int
    lag_count: int


def drain(timeout_seconds: float = 60.0) -> list[TopicReport]:
    """Land what is on the bus now, or wait until a following writer has.

    Raises StoreUnavailable where a store was away until the time was up; a topic that was
    not finished in time shows in its `lag_count`.
    """
    with closing(event_bus.connect()) as bus, closing(EventLandings()) as landings:
        before = landings.totals()
        ends = {name: bus.ends(name) for name in _TOPIC_NAMES}
        deadline = time.monotonic() + timeout_seconds
        _drain_until(bus, landings, ends, deadline)
        # Landing events may have made letters.
        letters = {topic.dead_letters: bus.ends(topic.dead_letters) for topic in TOPICS}
        _drain_until(bus, landings, letters, deadline)
        return _reports(bus, landings.totals(), before)


def follow(stop: threading.Event) -> None:
    """Land events as they come, until `stop` is set, beside other writers if there are any."""
    gc.set_threshold(_COLLECT_AFTER)
    wait = _Backoff(stop)
    relaying = threading.Thread(target=relay.follow, args=[stop], name="relay", daemon=True)
    relaying.start()
    while not stop.is_set():
        try:
            with (
                closing(event_bus.connect()) as bus,
                closing(EventLandings()) as landings,
                Membership(bus, landings, _NAMES) as member,
            ):
                writer = _Writer(bus, landings, member)
                logger.info("landing events")
                writer.run(stop, wait.reset)
        except _FAILURES as error:
            wait.after(error)
    relaying.join()


class _Source(Protocol):
    """What lands one topic."""

    topic_name: str

    def land(self, deliveries: Sequence[Delivery], pace_seconds: float) -> bool:
        """Land these, or answer False where it is not our turn yet."""


class _Writer:
    """All topics, by one client of ClickHouse, as far as this writer may."""

    def __init__(self, bus: EventBus, landings: EventLandings, member: Membership) -> None:
        self._bus = bus
        self._member = member
        client = clickhouse.connect(send_receive_timeout=_INSERT_TIMEOUT_SECONDS)
        tables = Tables(client)
        self._sources: list[_Source] = [
            *(Landing(kind, bus, tables, landings, member) for kind in KINDS),
            *(LetterLanding(topic, bus, tables, landings, member) for topic in TOPICS),
        ]
        # Read, and waiting for its turn or for the next batch.
        self._held: dict[str, list[Delivery]] = {}
        self._landed: set[str] = set()
        self._refreshed_at = 0.0
        self._idle_since = time.monotonic()
        for source in self._sources:
            # What an earlier failure left half done is handed out again.
            bus.open(source.topic_name, ())

    @property
    def is_holding(self) -> bool:
        """Whether something is read and not landed."""
        return any(self._held.values())

    def step(self, pace_seconds: float = PACE_SECONDS) -> int:
        """One batch of each topic; the size of the largest."""
        self._member.check()
        if time.monotonic() - self._refreshed_at > REFRESH_SECONDS:
            self._refresh()
        sizes = [self._land(source, pace_seconds) for source in self._sources]
        if any(sizes) or self.is_holding:
            self._idle_since = time.monotonic()
        return max(sizes)

    def _refresh(self) -> None:
        """Our share of the partitions may have changed; what is held of others is theirs."""
        if time.monotonic() - self._idle_since > _STRANDED_SECONDS:
            self._reopen_stranded()
        self._member.refresh()
        for topic, held in self._held.items():
            owned = self._member.owned(topic)
            self._held[topic] = [item for item in held if item.partition in owned]
        self._refreshed_at = time.monotonic()

    def _reopen_stranded(self) -> None:
        """A reader that had lost a partition and did not know yet may have been handed some."""
        self._idle_since = time.monotonic()
        for source in self._sources:
            if self._bus.lag(source.topic_name):
                self._bus.open(source.topic_name, ())

    def _land(self, source: _Source, pace_seconds: float) -> int:
        name = source.topic_name
        batch = self._next(name)
        if not batch:
            return 0
        self._member.check()
        if not source.land(batch, pace_seconds if name in self._landed else 0):
            self._held[name] = batch + self._held.get(name, [])
            return 0
        self._landed.add(name)
        return sum(item.event_count for item in batch)

    def _next(self, topic: str) -> list[Delivery]:
        """Up to the limits of a batch; what was read beyond them is held."""
        found = self._held.pop(topic, [])
        while not _is_full(found):
            part = self._bus.consume(topic, _READ_LIMIT_MESSAGES)
            if not part:
                break
            found += part
        batch = _cut(found)
        if len(batch) < len(found):
            self._held[topic] = found[len(batch) :]
        return batch

    def run(self, stop: threading.Event, succeeded: Callable[[], None]) -> None:
        """Until `stop`; any failure ends it, and the next run settles what it left."""
        while not stop.is_set():
            started = time.monotonic()
            largest = self.step()
            succeeded()
            if self.is_holding:
                stop.wait(_TURN_SECONDS)
            elif largest == 0:
                self._bus.wait(_NAMES, _IDLE_SECONDS)
            elif largest < BATCH_LIMIT_EVENTS:
                stop.wait(max(0.0, PACE_SECONDS - (time.monotonic() - started)))


def _is_full(found: Sequence[Delivery]) -> bool:
    return (
        sum(item.event_count for item in found) >= BATCH_LIMIT_EVENTS
        or sum(len(item.body) for item in found) >= BATCH_LIMIT_BYTES
    )


def _cut(found: list[Delivery]) -> list[Delivery]:
    """The first of `found` that make a full batch."""
    events = size = 0
    for count, item in enumerate(found, 1):
        events += item.event_count
        size += len(item.body)
        if events >= BATCH_LIMIT_EVENTS or size >= BATCH_LIMIT_BYTES:
            return found[:count]
    return found


class _Backoff:
    """Waits longer after each failure in a row, and says so once per failure."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._seconds = _BACKOFF_SECONDS[0]

    def reset(self) -> None:
        """It works again."""
        self._seconds = _BACKOFF_SECONDS[0]

    def after(self, error: Exception) -> None:
        """Wait. Events stay on the bus meanwhile."""
        logger.warning(
            "landing events stopped, next try in %.2g s: %s", self._seconds, _reason(error)
        )
        self._stop.wait(self._seconds)
        self._seconds = min(self._seconds * 2, _BACKOFF_SECONDS[1])


def _drain_until(
    bus: EventBus, landings: EventLandings, ends: dict[str, dict[int, str]], deadline: float
) -> None:
    """Until everything before `ends` is settled, by us or by another, or time is up."""
    wait = _Backoff(threading.Event())
    failure: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if _is_settled(bus, ends):
                return
            with Membership(bus, landings, _NAMES, is_guest=True) as member:
                writer = _Writer(bus, landings, member)
                while time.monotonic() < deadline:
                    if not writer.step():
                        bus.wait(list(ends), _TURN_SECONDS)
                    if _is_settled(bus, ends):
                        return
        except _FAILURES as error:
            failure = error
            wait.after(error)
    if isinstance(failure, PlatformError):
        raise failure
    if failure is not None:
        raise StoreUnavailable(f"events were not landed in time: {_reason(failure)}") from failure


def _is_settled(bus: EventBus, ends: dict[str, dict[int, str]]) -> bool:
    return all(bus.is_settled(topic, end) for topic, end in ends.items())


def _reason(error: Exception) -> str:
    """What to log of an error: of ClickHouse's own only the code, for its text may quote a row."""
    code = getattr(error, "code", None)
    if code is not None:
        return f"ClickHouse answers with error {code} {getattr(error, 'name', '') or ''}".rstrip()
    return str(error).partition("\n")[0][:_REASON_LIMIT]


def _reports(
    bus: EventBus, totals: dict[str, Counts], before: dict[str, Counts]
) -> list[TopicReport]:
    nothing = Counts()
    reports = []
    for name in _TOPIC_NAMES:
        counts = totals.get(name, nothing).since(before.get(name, nothing))
        reports.append(TopicReport(topic=name, lag_count=bus.lag(name), **asdict(counts)))
    return reports


def topic_reports() -> list[TopicReport]:
    """Each topic's totals since it exists, and its lag."""
    with closing(event_bus.connect()) as bus, closing(EventLandings()) as landings:
        return _reports(bus, landings.totals(), {})
