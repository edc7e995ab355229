"""Rebuilding analytics tables of a period: from what the bus still keeps, and from the raw table.

Belongs here: `events replay`. From the bus, kept messages are published once more: what the table
has is dropped by its id, what it lacks lands. From raw, `daily_user_activity` is counted anew from
`user_events`, a month at a time, each put in place at once. The rollups follow by themselves: a
refresh compares every slice with its events.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ingestion.events.membership import SECONDS, new_holder
from stores import event_bus
from stores.clickhouse import client as clickhouse
from stores.clickhouse.client import ClickHouseClient
from stores.errors import StoreBusy
from stores.event_bus.interface import Message
from stores.event_bus.topics import ANALYTICS_TOPICS, USER_EVENTS
from stores.postgres.event_landings import EventLandings

_VIEW = "daily_user_activity"
_SHADOW = "daily_user_activity_rebuilt"
_TURN_TIMEOUT_SECONDS = 60.0
# A month is rebuilt within the turn; a longer one than this is not ours to hold.
_HOLD_SECONDS = 20 * SECONDS


@dataclass(frozen=True)
class Replayed:
    """What was done for one topic or table."""

    what: str
    source: str
    event_count: int


def from_bus(
    start: datetime, end: datetime | None = None, topics: Sequence[str] = ()
) -> list[Replayed]:
    """Publish once more what the bus keeps of a period, by the times at which the bus took it.

    Redis keeps what has landed for EVENT_BUS_KEEP_HOURS, Kafka for its retention.
    """
    end_ms = int((end or datetime.now(UTC)).timestamp() * 1000)
    done = []
    with closing(event_bus.connect()) as bus:
        for topic in topics or [topic.name for topic in ANALYTICS_TOPICS]:
            count = 0
            for item in bus.since(topic, start):
                if item.published_at_ms <= end_ms:
                    key = str(item.partition).encode()
                    bus.publish(topic, [Message(item.body, item.event_count, key)])
                    count += item.event_count
            done.append(Replayed(topic, "bus", count))
    return done


def from_raw(start: datetime, end: datetime | None = None) -> list[Replayed]:
    """Count `daily_user_activity` anew for every month that the period touches."""
    client = clickhouse.connect(send_receive_timeout=int(_HOLD_SECONDS))
    with closing(EventLandings()) as landings, _turn(landings):
        months = _months(client, start.date(), (end or datetime.now(UTC)).date())
        return [Replayed(f"{_VIEW} {month}", "raw", _rebuild(client, month)) for month in months]


@contextmanager
def _turn(landings: EventLandings) -> Iterator[None]:
    """No event lands meanwhile, so that what is counted is what is there."""
    holder = new_holder()
    deadline = time.monotonic() + _TURN_TIMEOUT_SECONDS
    while landings.take_turn(USER_EVENTS.name, holder, _HOLD_SECONDS) is None:
        if time.monotonic() > deadline:
            raise StoreBusy("the event writer does not make way; try again")
        time.sleep(0.05)
    try:
        yield
    finally:
        landings.end_turn(USER_EVENTS.name, holder)


def _months(client: ClickHouseClient, first: date, last: date) -> list[str]:
    """Months of the period with events or counts in them, as partitions are called."""
    rows = client.query(
        "SELECT DISTINCT partition FROM system.parts WHERE active AND database = 'analytics'"
        " AND table IN ('user_events', {inner:String})"
        " AND partition BETWEEN {first:String} AND {last:String} ORDER BY partition",
        parameters={
            "inner": _inner(client),
            "first": f"{first:%Y%m}",
            "last": f"{last:%Y%m}",
        },
    ).result_rows
    return [str(month) for (month,) in rows]


def _inner(client: ClickHouseClient) -> str:
    """The table behind the view."""
    rows = client.query(
        "SELECT concat('.inner_id.', toString(uuid)) FROM system.tables"
        " WHERE database = 'analytics' AND name = {view:String}",
        parameters={"view": _VIEW},
    ).result_rows
    return str(rows[0][0])


def _rebuild(client: ClickHouseClient, month: str) -> int:
    """Counted beside, then put in place in one step; a repetition starts anew."""
    shadow, inner = f"analytics.{_SHADOW}", f"analytics.`{_inner(client)}`"
    client.command(f"DROP TABLE IF EXISTS {shadow} SYNC")
    client.command(f"CREATE TABLE {shadow} AS {inner}")
    client.command(
        f"INSERT INTO {shadow} SELECT date, user_id, event_type, count() FROM analytics.user_events"
        " WHERE toYYYYMM(date) = toUInt32({month:String}) GROUP BY date, user_id, event_type",
        parameters={"month": month},
    )
    client.command(f"ALTER TABLE {inner} REPLACE PARTITION ID '{int(month)}' FROM {shadow}")
    counted = client.query(f"SELECT sum(event_count) FROM {shadow}").result_rows[0][0]
    client.command(f"DROP TABLE {shadow} SYNC")
    return int(counted)
