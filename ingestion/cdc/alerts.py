"""What is to be alarmed about: the slot close to being lost, capture stuck, a table put aside.

Belongs here: the rules and their words, each with the way out. Who tells them (`cdc status`, the
metrics, the log of the following capture) only asks.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ingestion.cdc.findings import human_bytes
from stores.settings import load_settings

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options
    from ingestion.cdc.status import SlotStatus, TableStatus

# Below this share of max_slot_wal_keep_size the slot is close to being thrown away.
LITTLE_ROOM = 0.2


def slot_alerts(slot: "SlotStatus | None", chosen: "Options", has_run: bool) -> list[str]:
    """About the slot at the source. `has_run`: whether ClickHouse holds anything of it."""
    if slot is None:
        if not has_run:
            return []
        return [
            f"replication slot {chosen.slot} does not exist any more: changes may be lost."
            " Way out: interview-data cdc resync --all"
        ]
    if slot.wal_status == "lost":
        return [
            f"replication slot {chosen.slot} was invalidated by PostgreSQL: changes may be lost."
            " Way out: interview-data cdc resync --all"
        ]
    found = []
    if is_close_to_lost(slot):
        found.append(
            f"replication slot {chosen.slot} is close to being lost:"
            f" {human_bytes(max(0, slot.room_bytes or 0))} of room are left,"
            f" {human_bytes(slot.retained_bytes)} are held. Way out: bring capture to go on, or"
            " raise max_slot_wal_keep_size at the source"
        )
    if not slot.is_read:
        found.append(
            f"nobody reads replication slot {chosen.slot}:"
            f" {human_bytes(slot.retained_bytes)} of log are held for it. Way out: interview-data"
            " cdc run --follow"
        )
    return found


def is_close_to_lost(slot: "SlotStatus") -> bool:
    """Whether a little more log would cost the slot."""
    if slot.wal_status == "unreserved":
        return True
    if slot.room_bytes is None or not slot.limit_bytes:
        return False
    return slot.room_bytes < LITTLE_ROOM * slot.limit_bytes


def table_alerts(tables: "Iterable[TableStatus]", lag_seconds: float | None) -> list[str]:
    """About what ClickHouse holds."""
    found = [
        f"table {table.table} is quarantined: {table.last_error}"
        for table in tables
        if table.state == "quarantined"
    ]
    limit = load_settings().capture_alert_seconds
    if lag_seconds is not None and lag_seconds > limit:
        found.append(
            f"capture is {lag_seconds:.0f} s behind (alert from {limit:.0f} s). Way out: see"
            " what ClickHouse and the capture's log say"
        )
    return found
