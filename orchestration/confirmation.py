"""While nothing lands: telling that the rollups are still up to date.

Belongs here: what makes that certain, and writing it down. Without it, rollups that nothing has
changed would look as if their refresh were overdue; by the clock alone they would look fresh
while a stopped capture no longer reaches them.
"""

from stores import event_bus
from stores.clickhouse.client import ClickHouseClient
from stores.event_bus.topics import ANALYTICS_TOPICS
from stores.settings import load_settings


def log_positions() -> tuple[int, int]:
    """Up to where capture has confirmed PostgreSQL's log, and where the log ends.

    The two are hardly ever equal: whatever else writes to that server, Dagster's own storage
    for one, moves the end. Without a slot nothing is confirmed.
    """
    from ingestion.cdc.positions import parse_lsn
    from ingestion.cdc.status import slot_status

    slot = slot_status(None, load_settings().capture_slot)
    if slot is None:
        return 0, 1
    confirmed = parse_lsn(slot.confirmed_lsn)
    return confirmed, confirmed + slot.lag_bytes


def is_bus_empty() -> bool:
    """Whether the event writer has landed everything that the bus holds."""
    bus = event_bus.connect()
    try:
        return not any(bus.lag(topic.name) for topic in ANALYTICS_TOPICS)
    finally:
        bus.close()


def confirm(client: ClickHouseClient) -> None:
    """The rollups, unchanged, are as fresh as if they had been built anew just now."""
    client.command(
        "ALTER TABLE rollups.rollup_freshness UPDATE refreshed_at = now64(3, 'UTC') WHERE true"
        " SETTINGS mutations_sync = 1"
    )
