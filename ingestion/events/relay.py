"""Facts of the aggregates, from the captured event store to the topic `domain-events`.

Belongs here: what is published, in which order, and how far it has come. At least once, each with
its own id; the events of an aggregate in the order of its versions, for they share a partition.
PostgreSQL's order of commits is that of `_version`, which change capture gives its rows.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

import orjson

from ingestion.events import projections
from ingestion.events.membership import SECONDS, is_dead, new_holder
from stores import event_bus
from stores.clickhouse import client as clickhouse
from stores.clickhouse.client import ClickHouseClient, ExternalTable
from stores.errors import StateConflict, TransientError
from stores.event_bus.interface import EventBus, Message
from stores.event_bus.topics import DOMAIN_EVENTS
from stores.postgres.event_landings import EventLandings
from stores.settings import load_settings

logger = logging.getLogger(__name__)

LEASE = "relay/domain-events"
CURSOR = "domain-events"
BATCH_LIMIT_EVENTS = 1000
IDLE_SECONDS = 1.0
_BACKOFF_SECONDS = 5.0
_FAILURES = (TransientError, StateConflict, clickhouse.Error, OSError)

# While a table is copied its rows do not come in the order of commits.
_IS_STREAMING = """
SELECT count() FROM capture.tables FINAL
WHERE slot = {slot:String} AND target = 'event_store' AND state = 'streaming'
"""
_IS_CAPTURED = """
SELECT count() = 2 FROM system.tables
WHERE (database, name) IN (('capture', 'tables'), ('oltp_log', 'event_store'))
"""
_NEXT = """
SELECT _version, toString(id), toString(aggregate_id), aggregate_type, event_type,
       toString(event_data), version, toString(timestamp)
FROM oltp_log.event_store FINAL
WHERE _version > {after:UInt128} AND _is_deleted = 0
  AND _version <= (
      SELECT max(_version) FROM (
          SELECT _version FROM oltp_log.event_store FINAL
          WHERE _version > {after:UInt128} AND _is_deleted = 0
          ORDER BY _version LIMIT {limit:UInt32}
      )
  )
ORDER BY _version, aggregate_id, version
"""


@dataclass(frozen=True)
class Fact:
    """One event of an aggregate, and where its commit is in PostgreSQL's order."""

    position: int
    event_id: str
    aggregate_id: str
    aggregate_type: str
    event_type: str
    event_data: str
    version: int
    occurred_at: str

    def line(self) -> bytes:
        """As it is published."""
        return orjson.dumps(
            {
                "event_id": self.event_id,
                "aggregate_id": self.aggregate_id,
                "aggregate_type": self.aggregate_type,
                "event_type": self.event_type,
                "version": self.version,
                "event_data": orjson.Fragment(self.event_data or "null"),
                "timestamp": self.occurred_at,
            }
        )


class Relay:
    """One at a time anywhere: use it while holding LEASE."""

    def __init__(self, client: ClickHouseClient, bus: EventBus, landings: EventLandings) -> None:
        self._client = client
        self._bus = bus
        self._landings = landings

    def step(self) -> int:
        """Publish the next facts; how many."""
        if not self._is_streaming():
            return 0
        facts = self._next()
        if not facts:
            return 0
        fresh = self._fresh(facts)
        self._bus.publish(DOMAIN_EVENTS.name, list(_messages(fresh)))
        self._note(fresh)
        projections.update(self._client, {fact.aggregate_id for fact in facts})
        self._landings.move_cursor(CURSOR, facts[-1].position)
        return len(facts)

    def _is_streaming(self) -> bool:
        if not self._client.command(_IS_CAPTURED):
            return False
        slot = load_settings().capture_slot
        return bool(self._client.command(_IS_STREAMING, {"slot": slot}))

    def _next(self) -> list[Fact]:
        after = self._landings.cursor(CURSOR)
        parameters = {"after": after, "limit": BATCH_LIMIT_EVENTS}
        return [Fact(*row) for row in self._client.query(_NEXT, parameters).result_rows]

    def _fresh(self, facts: Sequence[Fact]) -> list[Fact]:
        """Those not published before: a table that was copied anew has new positions."""
        asked = ExternalTable(
            file_name="asked",
            data="\n".join(fact.event_id for fact in facts).encode(),
            fmt="TSV",
            structure="id UUID",
        )
        known = self._client.query(
            "SELECT toString(event_id) FROM platform.relayed_events"
            " WHERE event_id IN (SELECT id FROM asked)",
            external_data=asked,
        ).result_rows
        done = {row for (row,) in known}
        return [fact for fact in facts if fact.event_id not in done]

    def _note(self, facts: Sequence[Fact]) -> None:
        if facts:
            self._client.insert(
                "platform.relayed_events",
                [[fact.event_id, fact.aggregate_id, fact.version] for fact in facts],
                column_names=["event_id", "aggregate_id", "version"],
            )


def _messages(facts: Iterable[Fact]) -> list[Message]:
    """One message per aggregate, which keeps its order; the key chooses the partition."""
    lines: dict[str, list[bytes]] = {}
    for fact in facts:
        lines.setdefault(fact.aggregate_id, []).append(fact.line())
    return [
        Message(b"\n".join(part), len(part), aggregate.encode())
        for aggregate, part in lines.items()
    ]


def relay_once(limit_steps: int = 1000) -> int:
    """Publish what is there now, unless another does; how many facts."""
    holder = new_holder()
    with closing(event_bus.connect()) as bus, closing(EventLandings()) as landings:
        if not _hold(landings, holder):
            return 0
        try:
            relay = Relay(clickhouse.connect(), bus, landings)
            total = 0
            for _ in range(limit_steps):
                count = relay.step()
                total += count
                if not count:
                    break
            return total
        finally:
            landings.release([LEASE], holder)


def follow(stop: threading.Event) -> None:
    """Publish facts as they are captured, until `stop`; a failure is waited out."""
    holder = new_holder()
    while not stop.is_set():
        try:
            with closing(event_bus.connect()) as bus, closing(EventLandings()) as landings:
                _run(stop, holder, bus, landings)
        except _FAILURES as error:
            code = getattr(error, "code", None)
            reason = f"ClickHouse answers with error {code}" if code else str(error)[:160]
            logger.warning("publishing domain events stopped, trying again: %s", reason)
            stop.wait(_BACKOFF_SECONDS)


def _run(stop: threading.Event, holder: str, bus: EventBus, landings: EventLandings) -> None:
    relay = Relay(clickhouse.connect(), bus, landings)
    while not stop.is_set():
        # Each step is shorter than the lease, by the timeouts of what it asks.
        if not _hold(landings, holder) or not relay.step():
            stop.wait(IDLE_SECONDS)
    landings.release([LEASE], holder)


def _hold(landings: EventLandings, holder: str) -> bool:
    other = landings.holders().get(LEASE)
    dead = [other] if other and is_dead(other) else []
    return bool(landings.hold([LEASE], holder, 4 * SECONDS, dead))
