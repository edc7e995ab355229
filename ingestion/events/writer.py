"""The event writer: from the bus into ClickHouse, until drained or for ever.

Belongs here: the loop, its pace, waiting out failures. How one batch is landed is in `landing.py`.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingestion.events.landing import BATCH_LIMIT_EVENTS, Landing
from ingestion.events.lease import Lease
from ingestion.events.tables import Tables
from stores import event_bus
from stores.clickhouse import client as clickhouse
from stores.errors import PlatformError, StateConflict, StoreUnavailable, TransientError
from stores.event_bus.interface import Counts, EventBus
from stores.event_bus.rows import KINDS
from stores.event_bus.topics import ANALYTICS_TOPICS

logger = logging.getLogger(__name__)

# One insert per table and second is what MergeTree merges at ease; it is also what a reader waits.
PACE_SECONDS = 1.0
_IDLE_SECONDS = 1.0
_ACQUIRE_SECONDS = 0.5
_BACKOFF_SECONDS = (0.25, 5.0)
_INSERT_TIMEOUT_SECONDS = 120
_REASON_LIMIT = 160
_TOPIC_NAMES = tuple(topic.name for topic in ANALYTICS_TOPICS)
_FAILURES = (TransientError, StateConflict, clickhouse.Error, OSError)


@dataclass(frozen=True)
class TopicReport:
    """What a drain saw of one topic: events settled meanwhile, and what is still on its way."""

    topic: str
    landed_count: int
    duplicate_count: int
    dead_letter_count: int
    lag_count: int


def drain(timeout_seconds: float = 60.0) -> list[TopicReport]:
    """Land what is on the bus now, or wait until a following writer has.

    Raises StoreUnavailable where a store was away until the time was up; a topic that was
    not finished in time shows in its `lag_count`.
    """
    bus = event_bus.connect()
    try:
        before = _counts(bus)
        _drain_until(bus, before, time.monotonic() + timeout_seconds)
        after = _counts(bus)
    finally:
        bus.close()
    return [_report(name, after[name].since(before[name]), after[name]) for name in _TOPIC_NAMES]


def follow(stop: threading.Event) -> None:
    """Land events as they come, until `stop` is set. Waits while another writer does."""
    bus = event_bus.connect()
    lease = Lease(bus)
    wait = _Backoff(stop)
    try:
        while not stop.is_set():
            try:
                if not lease.acquire():
                    stop.wait(_ACQUIRE_SECONDS)
                    continue
                with lease:
                    logger.info("landing events")
                    _Writer(bus, lease).run(stop, wait.reset)
            except _FAILURES as error:
                wait.after(error)
    finally:
        bus.close()


class _Writer:
    """All topics, by one client of ClickHouse, under a lease."""

    def __init__(self, bus: EventBus, lease: Lease) -> None:
        self._bus = bus
        self._lease = lease
        client = clickhouse.connect(send_receive_timeout=_INSERT_TIMEOUT_SECONDS)
        tables = Tables(client)
        self._landings = [Landing(kind, bus, tables) for kind in KINDS]

    def settle(self) -> None:
        """Finish first what a predecessor left open."""
        for landing in self._landings:
            self._lease.check()
            landing.settle()

    def step(self) -> int:
        """One batch of each topic; the size of the largest."""
        largest = 0
        for landing in self._landings:
            self._lease.check()
            largest = max(largest, landing.step())
        return largest

    def run(self, stop: threading.Event, succeeded: Callable[[], None]) -> None:
        """Until `stop`; any failure ends it, and the next run settles what it left."""
        self.settle()
        while not stop.is_set():
            started = time.monotonic()
            largest = self.step()
            succeeded()
            if largest == 0:
                self._bus.wait(_TOPIC_NAMES, _IDLE_SECONDS)
            elif largest < BATCH_LIMIT_EVENTS:
                stop.wait(max(0.0, PACE_SECONDS - (time.monotonic() - started)))


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


def _counts(bus: EventBus) -> dict[str, Counts]:
    return {name: bus.counts(name) for name in _TOPIC_NAMES}


def _settled(bus: EventBus, before: dict[str, Counts]) -> bool:
    """Whether all that was published when `before` was taken has been settled."""
    return all(
        counts.settled_count >= before[name].published_count
        for name, counts in _counts(bus).items()
    )


def _drain_until(bus: EventBus, before: dict[str, Counts], deadline: float) -> None:
    lease = Lease(bus)
    wait = _Backoff(threading.Event())
    failure: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if lease.acquire():
                _drain_as_holder(bus, lease, before, deadline)
                return
            if _settled(bus, before):
                return
            time.sleep(_ACQUIRE_SECONDS / 5)
        except _FAILURES as error:
            failure = error
            wait.after(error)
    if isinstance(failure, PlatformError):
        raise failure
    if failure is not None:
        raise StoreUnavailable(f"events were not landed in time: {_reason(failure)}") from failure


def _drain_as_holder(
    bus: EventBus, lease: Lease, before: dict[str, Counts], deadline: float
) -> None:
    """Until nothing is left, or all that was there has been landed, or time is up."""
    with lease:
        writer = _Writer(bus, lease)
        writer.settle()
        while writer.step() and not _settled(bus, before) and time.monotonic() < deadline:
            pass


def _reason(error: Exception) -> str:
    """What to log of an error: of ClickHouse's own only the code, for its text may quote a row."""
    code = getattr(error, "code", None)
    if code is not None:
        return f"ClickHouse answers with error {code} {getattr(error, 'name', '') or ''}".rstrip()
    return str(error).partition("\n")[0][:_REASON_LIMIT]


def _report(topic: str, change: Counts, now: Counts) -> TopicReport:
    return TopicReport(
        topic,
        change.landed_count,
        change.duplicate_count,
        change.dead_letter_count,
        now.lag_count,
    )


def topic_reports(names: Sequence[str] = _TOPIC_NAMES) -> list[TopicReport]:
    """Each topic's totals since it exists, and its lag."""
    bus = event_bus.connect()
    try:
        counts = {name: bus.counts(name) for name in names}
    finally:
        bus.close()
    return [_report(name, found, found) for name, found in counts.items()]
