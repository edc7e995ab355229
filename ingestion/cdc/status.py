"""Where every captured table stands: for people, Dagster and metrics.

Belongs here: reading capture's state. Nothing here changes it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingestion.cdc.layout import log_database
from ingestion.cdc.positions import format_lsn
from ingestion.cdc.source import SourceDatabase
from ingestion.cdc.state import DATABASE
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import connect as connect_clickhouse
from stores.settings import load_settings

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options


@dataclass(frozen=True)
class TableStatus:
    """One table. Lag is the capture's as a whole: the log is read in order."""

    table: str
    state: str
    rows_applied: int
    snapshot_rows: int
    last_lsn: str | None
    last_commit_at: datetime | None
    lag_bytes: int | None
    lag_seconds: float | None
    last_error: str | None


@dataclass(frozen=True)
class AdjustedColumn:
    """Values that ClickHouse could not hold exactly; their text is in `_adjusted`."""

    table: str
    column: str
    value_count: int


def table_statuses(chosen: "Options | None" = None) -> list[TableStatus]:
    """Every table of the slot, by name; empty before capture's first start."""
    settings = load_settings()
    slot = chosen.slot if chosen else settings.capture_slot
    client = connect_clickhouse(chosen.clickhouse_url if chosen else None)
    if not _has_state(client):
        return []
    lag_bytes, lag_seconds = _lag(client, chosen.source_url if chosen else None, slot)
    rows = client.query(
        f"SELECT t.target, t.state, c.row_count, t.snapshot_row_count, c.last_lsn,"
        f" c.last_commit_at, t.reason FROM (SELECT * FROM {DATABASE}.tables FINAL) AS t"
        " LEFT JOIN (SELECT slot, target, sum(row_count) AS row_count, max(last_lsn) AS last_lsn,"
        f" max(last_commit_at) AS last_commit_at FROM {DATABASE}.table_totals"
        " GROUP BY slot, target) AS c ON c.slot = t.slot AND c.target = t.target"
        " WHERE t.slot = {slot:String} ORDER BY t.target",
        parameters={"slot": slot},
        tz_mode="aware",
    ).result_rows
    return [
        TableStatus(
            target, state, applied, read,
            format_lsn(lsn) if lsn else None,
            at if lsn else None,
            lag_bytes, lag_seconds, reason or None,
        )
        for target, state, applied, read, lsn, at, reason in rows
    ]  # fmt: skip


def adjusted_columns(chosen: "Options | None" = None) -> list[AdjustedColumn]:
    """Columns with values that were adjusted, counted over the rows that are stored."""
    client = connect_clickhouse(chosen.clickhouse_url if chosen else None)
    log = log_database(chosen.target_database if chosen else "oltp")
    names = client.query(
        "SELECT name FROM system.tables WHERE database = {d:String}", parameters={"d": log}
    ).result_rows
    if not names:
        return []
    rows = client.query(
        "SELECT _table, arrayJoin(mapKeys(_adjusted)) AS column, count() AS values"
        " FROM merge({d:String}, '') WHERE notEmpty(_adjusted) GROUP BY 1, 2 ORDER BY 1, 2",
        parameters={"d": log},
    ).result_rows
    return [AdjustedColumn(*row) for row in rows]


def unread_tables(chosen: "Options", published: set[int]) -> set[int]:
    """Which of the published tables readers do not see yet, or see from before a resync."""
    client = connect_clickhouse(chosen.clickhouse_url)
    if not _has_state(client):
        return published
    rows = client.query(
        f"SELECT oid FROM {DATABASE}.tables FINAL WHERE slot = {{slot:String}}"
        " AND state NOT IN ('snapshotting', 'resyncing', 'removed')",
        parameters={"slot": chosen.slot},
    ).result_rows
    return published - {oid for (oid,) in rows}


def _has_state(client: ClickHouseClient) -> bool:
    return bool(client.query(f"EXISTS TABLE {DATABASE}.requests").result_rows[0][0])


def _lag(client: ClickHouseClient, url: str | None, slot: str) -> tuple[int | None, float | None]:
    """Bytes of log not yet stored; seconds since the last stored commit if there are any."""
    database = SourceDatabase(url)
    try:
        found, now = database.slot(slot), database.current_lsn()
    finally:
        database.close()
    if found is None:
        return None, None
    lag_bytes = max(0, now - found.confirmed_lsn)
    rows = client.query(
        f"SELECT max(applied_at) FROM {DATABASE}.batches WHERE slot = {{slot:String}}",
        parameters={"slot": slot},
        tz_mode="aware",
    ).result_rows
    if not lag_bytes:
        return 0, 0.0
    return lag_bytes, max(0.0, (datetime.now(UTC) - rows[0][0]).total_seconds())
