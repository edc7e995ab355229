"""Proves, table by table, that ClickHouse holds what PostgreSQL held at one position of the log.

Belongs here: pinning, waiting for capture, comparing, and the history of it. The SQL of the
comparison belongs to `compare`, the position to `pin`.
"""

import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingestion.cdc.apply import first_line
from ingestion.cdc.compare import Buckets, Comparison, Key, Sides
from ingestion.cdc.halt import Halt
from ingestion.cdc.layout import log_database
from ingestion.cdc.pin import PinnedSource, pinned
from ingestion.cdc.positions import format_lsn, parse_lsn
from ingestion.cdc.run import drain, options
from ingestion.cdc.slots import check_database
from ingestion.cdc.source import SourceDatabase
from ingestion.cdc.state import DATABASE, CapturedTable, StateStore
from ingestion.cdc.treatments import ColumnTreatment
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import Error as ClickHouseError
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import InputInvalid, PlatformError, StoreUnavailable
from stores.postgres.client import Error as PostgresError

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options

KEEP_HISTORY_DAYS = 400
MAX_DIFFERING_KEYS = 10
MAX_DIFFERING_BUCKETS = 10
_WAIT_SECONDS = 0.05
_HISTORY = f"""CREATE TABLE IF NOT EXISTS {DATABASE}.verifications (
    verification_id UUID, slot String, target String, verified_at DateTime64(3, 'UTC'), lsn UInt64,
    is_equal UInt8, source_count UInt64, target_count UInt64, source_hash String,
    target_hash String, changed_since_count UInt64, duration_seconds Float64,
    differing_count UInt64, problem String
) ENGINE = MergeTree ORDER BY (slot, target, verified_at)
TTL toDateTime(verified_at) + INTERVAL {KEEP_HISTORY_DAYS} DAY"""


@dataclass(frozen=True)
class DifferingRow:
    """One row that is not the same. `key` is the text of its key, which may be personal."""

    key: Key
    problem: str


@dataclass(frozen=True)
class TableVerification:
    """One table on both sides at `lsn`. Counts and hashes leave out what has changed since."""

    table: str
    source_count: int
    target_count: int
    source_hash: str
    target_hash: str
    lsn: str = ""
    changed_since_count: int = 0
    duration_seconds: float = 0.0
    # Why it could not be compared.
    problem: str = ""
    # At least so many rows differ; `differing` are some of them.
    differing_count: int = 0
    differing: tuple[DifferingRow, ...] = field(default=(), repr=False)

    @property
    def is_equal(self) -> bool:
        """Whether both sides held the same rows."""
        same = (self.source_count, self.source_hash) == (self.target_count, self.target_hash)
        return same and not self.problem


@dataclass(frozen=True)
class PastVerification:
    """One line of the history."""

    table: str
    verified_at: datetime
    lsn: str
    is_equal: bool
    source_count: int
    target_count: int
    changed_since_count: int
    duration_seconds: float
    differing_count: int
    problem: str


def verify(
    chosen: "Options | None" = None,
    timeout_seconds: float = 30.0,
    tables: Iterable[str] = (),
    halt: Halt | None = None,
) -> list[TableVerification]:
    """Every streaming table, or those of `tables`, all at one position of the log.

    Writes go on meanwhile. Waits until capture has got to the position; where none runs, captures
    up to it, unless `halt` is given: then it is a capture that asks, and ends it when it ends
    itself. A table that differs is compared once more at a later position, because a large value
    read back from the source may be newer than its row; what differs then, differs.
    Raises StoreUnavailable where the position is not reached in time.
    """
    chosen = chosen or options()
    client = connect_clickhouse(chosen.clickhouse_url)
    StateStore(client, chosen.slot).prepare()
    client.command(_HISTORY)
    deadline = time.monotonic() + timeout_seconds
    found = _verify_once(chosen, client, tables, deadline, halt, is_last=False)
    doubtful = [table.table for table in found.values() if not table.is_equal]
    if doubtful:
        found |= _verify_once(chosen, client, doubtful, deadline, halt, is_last=True)
    _remember(client, chosen.slot, found.values())
    return list(found.values())


def history(
    chosen: "Options | None" = None, table: str | None = None, limit: int = 100
) -> list[PastVerification]:
    """What was found before, newest first."""
    chosen = chosen or options()
    client = connect_clickhouse(chosen.clickhouse_url)
    if not client.query(f"EXISTS TABLE {DATABASE}.verifications").result_rows[0][0]:
        return []
    rows = client.query(
        "SELECT target, verified_at, lsn, is_equal, source_count, target_count,"
        " changed_since_count, duration_seconds, differing_count, problem"
        f" FROM {DATABASE}.verifications WHERE slot = {{slot:String}}"
        " AND ({table:String} = '' OR target = {table:String})"
        " ORDER BY verified_at DESC, target LIMIT {limit:UInt32}",
        parameters={"slot": chosen.slot, "table": table or "", "limit": limit},
        tz_mode="aware",
    ).result_rows
    return [
        PastVerification(target, at, format_lsn(lsn), bool(is_equal), *rest)
        for target, at, lsn, is_equal, *rest in rows
    ]


def _verify_once(
    chosen: "Options",
    client: ClickHouseClient,
    names: Iterable[str],
    deadline: float,
    halt: Halt | None,
    *,
    is_last: bool,
) -> dict[str, TableVerification]:
    state = StateStore(client, chosen.slot)
    with pinned(chosen.source_url, _left(deadline), halt or Halt()) as source:
        _wait_for_capture(chosen, state, source.lsn, deadline, halt)
        tables = _chosen_tables(state, set(names))
        return {
            table.target: _compared(table, chosen, client, source, is_last=is_last)
            for table in tables
        }


def _chosen_tables(state: StateStore, names: set[str]) -> list[CapturedTable]:
    known = [table for table in state.tables() if table.state != "removed"]
    unknown = sorted(names - {table.target for table in known})
    if unknown:
        listed = ", ".join(table.target for table in known) or "(none is captured yet)"
        raise InputInvalid("TABLE", f"must be one of {listed}; there is no {unknown[0]}")
    return [
        table
        for table in known
        if table.state == "streaming" and (not names or table.target in names)
    ]


def _compared(
    table: CapturedTable,
    chosen: "Options",
    client: ClickHouseClient,
    source: PinnedSource,
    *,
    is_last: bool,
) -> TableVerification:
    started = time.monotonic()
    try:
        comparison = Comparison(
            table,
            log=log_database(chosen.target_database),
            publication=chosen.publication,
            client=client,
            source=source,
        )
        found = _told(table.target, comparison.totals())
        if is_last and not found.is_equal:
            found = _narrowed(found, comparison)
    except (PostgresError, ClickHouseError, PlatformError) as error:
        found = TableVerification(table.target, 0, 0, "", "", problem=first_line(error))
    return replace(
        found, lsn=format_lsn(source.lsn), duration_seconds=round(time.monotonic() - started, 3)
    )


def _told(name: str, sides: Sides) -> TableVerification:
    source_count, source_hash = sides.source.get(0, (0, "0"))
    target_count, target_hash = sides.target.get(0, (0, "0"))
    return TableVerification(
        name, source_count, target_count, source_hash, target_hash,
        changed_since_count=len(sides.changed),
    )  # fmt: skip


def _narrowed(found: TableVerification, comparison: Comparison) -> TableVerification:
    """Which rows: first the buckets of keys that differ, then some of those row by row."""
    sides = comparison.buckets()
    buckets = _differing_buckets(sides.source, sides.target)
    if not buckets:
        return found
    source, target = comparison.rows(buckets[:MAX_DIFFERING_BUCKETS])
    rows = [
        DifferingRow(key, _difference(source.get(key), target.get(key)))
        for key in sorted(source.keys() | target.keys())
        if source.get(key) != target.get(key)
    ]
    return replace(
        found,
        differing_count=max(len(rows), len(buckets)),
        differing=tuple(rows[:MAX_DIFFERING_KEYS]),
    )


def _differing_buckets(source: Buckets, target: Buckets) -> list[int]:
    places = sorted(source.keys() | target.keys())
    return [place for place in places if source.get(place) != target.get(place)]


def _difference(source: str | None, target: str | None) -> str:
    if target is None:
        return "missing in ClickHouse"
    return "not in PostgreSQL" if source is None else "another value"


def _wait_for_capture(
    chosen: "Options", state: StateStore, lsn: int, deadline: float, halt: Halt | None
) -> None:
    """Until everything committed before `lsn` is stored."""
    database = SourceDatabase(chosen.source_url)
    try:
        while True:
            known = state.source()
            if known is not None:
                check_database(known, database)
            reached = state.applied_lsn(known) if known else 0
            if reached >= lsn:
                return
            if halt is not None:
                halt.check()
            slot = database.slot(chosen.slot)
            if halt is None and (slot is None or slot.active_pid is None):
                if slot is None or _has_changes(database, chosen, lsn):
                    drain(_left(deadline), _as_captured(chosen, state))
                return
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"change capture has stored everything up to {format_lsn(reached)}, not yet up"
                    f" to {format_lsn(lsn)}; see `interview-data cdc status`, or give more time"
                    " with --timeout"
                )
            time.sleep(_WAIT_SECONDS)
    finally:
        database.close()


def _as_captured(chosen: "Options", state: StateStore) -> "Options":
    """With the columns left out or hashed that are so now: whoever only compares need not know
    them, and must not let in what was kept out."""
    named = {(one.schema, one.table, one.column) for one in chosen.columns}
    kept = tuple(
        ColumnTreatment(
            table.source_schema,
            table.source_name,
            column.name,
            column.treatment.partition(":")[0],
            is_required=False,
        )
        for table in state.tables()
        for column in table.layout.columns
        if column.treatment
        and table.state != "removed"
        and (table.source_schema, table.source_name, column.name) not in named
    )
    return replace(chosen, columns=(*chosen.columns, *kept))


def _has_changes(database: SourceDatabase, chosen: "Options", lsn: int) -> bool:
    """Whether the log holds anything of the publication that nobody has read, up to `lsn`."""
    try:
        rows = database.query(
            "SELECT 1 FROM pg_logical_slot_peek_binary_changes(%s, %s::pg_lsn, 1,"
            " 'proto_version', '1', 'publication_names', %s) LIMIT 1",
            [chosen.slot, format_lsn(lsn), '"' + chosen.publication.replace('"', '""') + '"'],
        )
    except PostgresError:
        # Somebody has begun to read it.
        return True
    return bool(rows)


def _remember(client: ClickHouseClient, slot: str, found: Iterable[TableVerification]) -> None:
    one, now = str(uuid.uuid4()), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    rows = [
        {
            "verification_id": one,
            "slot": slot,
            "target": row.table,
            "verified_at": now,
            "lsn": parse_lsn(row.lsn),
            "is_equal": int(row.is_equal),
            "source_count": row.source_count,
            "target_count": row.target_count,
            "source_hash": row.source_hash,
            "target_hash": row.target_hash,
            "changed_since_count": row.changed_since_count,
            "duration_seconds": row.duration_seconds,
            "differing_count": row.differing_count,
            "problem": row.problem,
        }
        for row in found
    ]
    if rows:
        # Not `insert`: that loads pandas, and this may run beside a capture that stays small.
        client.raw_insert(
            f"{DATABASE}.verifications",
            insert_block="\n".join(map(json.dumps, rows)),
            fmt="JSONEachRow",
        )


def _left(deadline: float) -> float:
    return max(1.0, deadline - time.monotonic())
