"""Where capture stands, as a whole and table by table: for people, Dagster and metrics.

Belongs here: reading capture's state and the source's slot. Nothing here changes anything; what is
to be alarmed about belongs to `alerts`.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from glob import escape
from typing import TYPE_CHECKING

from ingestion.cdc.alerts import slot_alerts, table_alerts
from ingestion.cdc.apply import first_line
from ingestion.cdc.layout import log_database
from ingestion.cdc.positions import format_lsn
from ingestion.cdc.slots import ANSWER_SECONDS
from ingestion.cdc.source import SourceDatabase
from ingestion.cdc.state import DATABASE
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import Error as ClickHouseError
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import TransientError
from stores.postgres.client import Error as PostgresError
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
    # From 0 to 1 while a snapshot is being read.
    snapshot_share: float | None = None


@dataclass(frozen=True)
class AdjustedColumn:
    """Values that ClickHouse could not hold exactly; their text is in `_adjusted`."""

    table: str
    column: str
    value_count: int


@dataclass(frozen=True)
class SlotStatus:
    """The slot as the source has it. `room_bytes` is None where there is no limit."""

    is_read: bool
    wal_status: str
    retained_bytes: int
    room_bytes: int | None
    limit_bytes: int | None
    confirmed_lsn: str
    lag_bytes: int
    # What decoding has put on the source's disk since the slot was made.
    source_spilled_bytes: int
    is_failover: bool


@dataclass(frozen=True)
class CaptureStatus:
    """One capture. What could not be asked is None, and an alert says so."""

    slot_name: str
    publication: str
    target_database: str
    slot: SlotStatus | None
    applied_lsn: str | None
    applied_at: datetime | None
    lag_bytes: int | None
    lag_seconds: float | None
    tables: list[TableStatus] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    source_problem: str | None = None
    target_problem: str | None = None
    # Open transactions that were too large for memory, on this machine's disk.
    spilled_bytes: int = 0


def capture_status(chosen: "Options") -> CaptureStatus:
    """Everything that is known now; a store that does not answer is an alert, not an error."""
    slot, source_problem = _asked_slot(chosen)
    tables: list[TableStatus] = []
    reached, caught_up_at, applied_at, target_problem = 0, None, None, None
    lag_bytes = slot.lag_bytes if slot else None
    lag_seconds = None
    try:
        client = connect_clickhouse(chosen.clickhouse_url, send_receive_timeout=ANSWER_SECONDS)
        if _has_state(client):
            reached, caught_up_at, applied_at = _progress(client, chosen.slot)
            lag_seconds = _lag_seconds(lag_bytes, caught_up_at)
            tables = _tables(client, chosen.slot, lag_bytes, lag_seconds)
    except (TransientError, ClickHouseError) as error:
        text = first_line(error)
        target_problem = text if "CLICKHOUSE_URL" in text else f"CLICKHOUSE_URL: {text}"
    alerts = [
        *([source_problem] if source_problem else slot_alerts(slot, chosen, bool(reached))),
        *([target_problem] if target_problem else table_alerts(tables, lag_seconds)),
    ]
    return CaptureStatus(
        chosen.slot,
        chosen.publication,
        chosen.target_database,
        slot,
        format_lsn(reached) if reached else None,
        applied_at,
        lag_bytes,
        lag_seconds,
        tables,
        alerts,
        source_problem,
        target_problem,
        _spilled_bytes(chosen),
    )


def table_statuses(chosen: "Options | None" = None) -> list[TableStatus]:
    """Every table of the slot, by name; empty before capture's first start."""
    settings = load_settings()
    slot = chosen.slot if chosen else settings.capture_slot
    client = connect_clickhouse(chosen.clickhouse_url if chosen else None)
    if not _has_state(client):
        return []
    found = slot_status(chosen.source_url if chosen else None, slot)
    lag_bytes = found.lag_bytes if found else None
    _, caught_up_at, _ = _progress(client, slot)
    return _tables(client, slot, lag_bytes, _lag_seconds(lag_bytes, caught_up_at))


def slot_status(url: str | None, name: str) -> SlotStatus | None:
    """The slot as PostgreSQL describes it; None where there is none of that name."""
    database = SourceDatabase(url)
    try:
        return read_slot(database, name)
    finally:
        database.close()


def read_slot(database: SourceDatabase, name: str) -> SlotStatus | None:
    """Likewise, over a connection that is open."""
    here = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
    here += " ELSE pg_current_wal_flush_lsn() END"
    rows = database.query(
        "SELECT s.active, coalesce(s.wal_status, ''),"
        f" coalesce(pg_wal_lsn_diff({here}, s.restart_lsn), 0)::int8, s.safe_wal_size,"
        " (SELECT nullif(setting::int8, -1) * 1048576 FROM pg_settings"
        " WHERE name = 'max_slot_wal_keep_size'),"
        " coalesce(s.confirmed_flush_lsn::text, '0/0'),"
        f" greatest(0, coalesce(pg_wal_lsn_diff({here}, s.confirmed_flush_lsn), 0))::int8,"
        " coalesce(t.spill_bytes, 0),"
        # A column that PostgreSQL has since 17.
        " coalesce((to_jsonb(s) ->> 'failover')::bool, false)"
        " FROM pg_replication_slots s LEFT JOIN pg_stat_replication_slots t USING (slot_name)"
        " WHERE s.slot_name = %s",
        [name],
    )
    return SlotStatus(*rows[0]) if rows else None


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


def _asked_slot(chosen: "Options") -> tuple[SlotStatus | None, str | None]:
    try:
        return slot_status(chosen.source_url, chosen.slot), None
    except (TransientError, PostgresError) as error:
        return None, first_line(error)


def _spilled_bytes(chosen: "Options") -> int:
    """Of this capture, if it runs on this machine."""
    if chosen.spill_folder is None:
        return 0
    total = 0
    for file in chosen.spill_folder.glob(f"{escape(chosen.slot)}-*/*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def _progress(client: ClickHouseClient, slot: str) -> tuple[int, datetime | None, datetime | None]:
    """Up to where everything is stored, as of when that was all there was, and when it was noted.

    An empty batch says that nothing of ours was in the log; one with rows is as old as its last
    transaction.
    """
    rows = client.query(
        "SELECT lsn, as_of, noted_at FROM ("
        " SELECT source_id, consistent_point AS lsn, created_at AS as_of, created_at AS noted_at"
        f" FROM {DATABASE}.sources FINAL WHERE slot = {{slot:String}} UNION ALL"
        " SELECT source_id, end_lsn, if(empty(row_counts), applied_at, last_commit_at), applied_at"
        f" FROM {DATABASE}.batches WHERE slot = {{slot:String}})"
        f" WHERE source_id IN (SELECT source_id FROM {DATABASE}.sources FINAL"
        " WHERE slot = {slot:String}) ORDER BY lsn DESC, noted_at DESC LIMIT 1",
        parameters={"slot": slot},
        tz_mode="aware",
    ).result_rows
    return (int(rows[0][0]), rows[0][1], rows[0][2]) if rows else (0, None, None)


def _lag_seconds(lag_bytes: int | None, caught_up_at: datetime | None) -> float | None:
    """How old the newest change that readers see can be, at most; 0 where the log has no more."""
    if lag_bytes is None or (lag_bytes and caught_up_at is None):
        return None
    if not lag_bytes or caught_up_at is None:
        return 0.0
    return max(0.0, (datetime.now(UTC) - caught_up_at).total_seconds())


def _tables(
    client: ClickHouseClient, slot: str, lag_bytes: int | None, lag_seconds: float | None
) -> list[TableStatus]:
    rows = client.query(
        "SELECT t.target, t.state, c.row_count, t.snapshot_row_count, c.last_lsn,"
        " c.last_commit_at, t.reason, t.snapshot_next_block, t.snapshot_block_count"
        f" FROM (SELECT * FROM {DATABASE}.tables FINAL) AS t"
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
            _share(state, next_block, blocks),
        )
        for target, state, applied, read, lsn, at, reason, next_block, blocks in rows
    ]  # fmt: skip


def _share(state: str, next_block: int, block_count: int) -> float | None:
    if state not in ("snapshotting", "resyncing"):
        return None
    return min(1.0, next_block / block_count) if block_count else 0.0
