"""While nothing lands: telling that the rollups are still up to date.

Belongs here: what makes that certain, and writing it down. Without it, rollups that nothing has
changed would look as if their refresh were overdue; by the clock alone they would look fresh
while a stopped capture no longer reaches them.
"""

from stores import event_bus
from stores.clickhouse.client import ClickHouseClient
from stores.event_bus.topics import ANALYTICS_TOPICS


def is_anything_on_its_way() -> bool:
    """Whether PostgreSQL or the event bus holds what ClickHouse does not."""
    return _is_capture_behind() or _is_writer_behind()


def confirm(client: ClickHouseClient) -> None:
    """The rollups, unchanged, are as fresh as if they had been built anew just now."""
    client.command(
        "ALTER TABLE rollups.rollup_freshness UPDATE refreshed_at = now64(3, 'UTC') WHERE true"
        " SETTINGS mutations_sync = 1"
    )


def _is_capture_behind() -> bool:
    from ingestion.cdc.status import table_statuses

    # The whole capture has one lag; without a slot there is none to tell.
    statuses = table_statuses()
    return not statuses or any(status.lag_bytes != 0 for status in statuses)


def _is_writer_behind() -> bool:
    bus = event_bus.connect()
    try:
        return any(bus.lag(topic.name) for topic in ANALYTICS_TOPICS)
    finally:
        bus.close()
