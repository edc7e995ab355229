"""Capture's memory, kept in ClickHouse beside the data so that both are restored together.

Belongs here: the tables of database `capture` and how they are read and written. What a state
means belongs to `capture`.

`batches` is the manifest: a row is written last, after every row of its batch, and only then is
PostgreSQL told to forget. So the slot is never ahead of `batches`; where it is, ClickHouse has
lost data or somebody moved the slot, and capture stops.
"""

import json
import threading
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

from ingestion.cdc.catalog import SourceLeaf
from ingestion.cdc.layout import Layout, qualified
from stores.clickhouse.client import ClickHouseClient

State = Literal["snapshotting", "streaming", "paused", "quarantined", "resyncing", "removed"]

DATABASE = "capture"
KEEP_BATCHES_DAYS = 30
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_TABLES = (
    f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic",
    f"""CREATE TABLE IF NOT EXISTS {DATABASE}.sources (
        slot String, publication String, system_identifier String, source_database String,
        target_database String, source_id String, consistent_point UInt64,
        created_at DateTime64(3, 'UTC')
    ) ENGINE = ReplacingMergeTree(created_at) ORDER BY slot SETTINGS fsync_after_insert = 1""",
    f"""CREATE TABLE IF NOT EXISTS {DATABASE}.tables (
        slot String, oid UInt32, target String, source_schema String, source_name String,
        state LowCardinality(String), reason String, storage String, storage_mark String,
        layout String,
        file_node UInt64, snapshot_lsn UInt64, snapshot_next_block UInt64,
        snapshot_block_count UInt64, snapshot_end_lsn UInt64, snapshot_row_count UInt64,
        layout_version UInt128,
        changed_at DateTime64(3, 'UTC'), revision UInt64
    ) ENGINE = ReplacingMergeTree(revision) ORDER BY (slot, oid) SETTINGS fsync_after_insert = 1""",
    f"""CREATE TABLE IF NOT EXISTS {DATABASE}.batches (
        slot String, source_id String, start_lsn UInt64, end_lsn UInt64,
        last_commit_at DateTime64(6, 'UTC'), transaction_count UInt64,
        row_counts Map(String, UInt64),
        applied_at DateTime64(3, 'UTC')
    ) ENGINE = MergeTree ORDER BY (slot, source_id, end_lsn)
    SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1""",
    f"""CREATE TABLE IF NOT EXISTS {DATABASE}.table_totals (
        slot String, target String, row_count SimpleAggregateFunction(sum, UInt64),
        last_lsn SimpleAggregateFunction(max, UInt64),
        last_commit_at SimpleAggregateFunction(max, DateTime64(6, 'UTC'))
    ) ENGINE = AggregatingMergeTree ORDER BY (slot, target)""",
    f"""CREATE MATERIALIZED VIEW IF NOT EXISTS {DATABASE}.batches_to_table_totals
    TO {DATABASE}.table_totals AS
    SELECT slot, target, rows AS row_count, end_lsn AS last_lsn, last_commit_at
    FROM {DATABASE}.batches ARRAY JOIN mapKeys(row_counts) AS target, mapValues(row_counts) AS rows
    """,
    f"""CREATE TABLE IF NOT EXISTS {DATABASE}.requests (
        slot String, target String, action LowCardinality(String),
        requested_at DateTime64(6, 'UTC'), is_handled UInt8
    ) ENGINE = ReplacingMergeTree(is_handled) ORDER BY (slot, target, action, requested_at)""",
    # What was added since the first version; the tables are on people's disks.
    f"ALTER TABLE {DATABASE}.tables ADD COLUMN IF NOT EXISTS source_form String,"
    " ADD COLUMN IF NOT EXISTS snapshot_leaves String,"
    " ADD COLUMN IF NOT EXISTS is_doubtful UInt8,"
    " ADD COLUMN IF NOT EXISTS is_waiting UInt8,"
    " ADD COLUMN IF NOT EXISTS restart_count UInt32,"
    " ADD COLUMN IF NOT EXISTS restarted_at DateTime64(3, 'UTC')",
    f"ALTER TABLE {DATABASE}.requests ADD COLUMN IF NOT EXISTS outcome String",
)


# What the first and the last of these statements leave behind: where all of it is there, none of
# them need be run, which would take as long as the rest of an opening.
_MADE = (
    "sources", "tables", "batches", "table_totals", "batches_to_table_totals", "requests",
)  # fmt: skip
_ADDED_LAST = (("tables", "restarted_at"), ("requests", "outcome"))


@dataclass
class CapturedTable:
    """One table's life. Changed under `StateStore`'s lock, kept by `StateStore.save`."""

    oid: int
    target: str
    source_schema: str
    source_name: str
    layout: Layout
    state: State = "snapshotting"
    reason: str = ""
    storage: str = ""
    # The storage's comment, its own alone: names are exchanged, comments stay.
    storage_mark: str = ""
    file_node: int = 0
    snapshot_lsn: int = 0
    snapshot_next_block: int = 0
    snapshot_block_count: int = 0
    snapshot_end_lsn: int = 0
    snapshot_row_count: int = 0
    layout_version: int = 0
    revision: int = 0
    # `source_form.SourceForm` as JSON: what the source looked like when last compared.
    source_form: str = ""
    # Where the blocks of a root of partitions are; empty for other tables.
    snapshot_leaves: tuple[SourceLeaf, ...] = ()
    # Values may be other ones since an ALTER; to be compared with the source.
    is_doubtful: bool = False
    # To be read anew, but not begun: another session holds the table at the source.
    is_waiting: bool = False
    # How often capture began to read it anew by itself, and when last.
    restart_count: int = 0
    restarted_at: datetime = _LONG_AGO
    # Why it is to be read anew; until that has begun its changes are not written.
    restart_reason: str = field(default="", compare=False)
    # The newest version known to be stored; a restart reads it from the storage itself.
    stored_version: int = field(default=0, compare=False)
    # The form the log has announced, while the ALTERs towards it still wait in a batch.
    announced: Layout | None = field(default=None, compare=False)
    # What a row's unchanged large values took when they were last found; 0 before.
    found_bytes: int = field(default=0, compare=False)
    # Counts starts of a snapshot, so that a chunk of a former one is told apart.
    generation: int = field(default=0, compare=False)

    @property
    def coming_layout(self) -> Layout:
        """The form of rows that are read from the log now."""
        return self.announced or self.layout

    @property
    def is_flowing(self) -> bool:
        """Whether changes are taken from the log."""
        return self.is_written and not self.restart_reason

    @property
    def is_written(self) -> bool:
        """Whether what was taken is written. A wish to read it anew, not yet kept, changes
        nothing in that: after a crash nobody would know of it."""
        return not self.is_waiting and self.state in ("streaming", "snapshotting", "resyncing")

    @property
    def is_snapshotting(self) -> bool:
        """Whether rows from before the log are still to be read."""
        return self.is_unpublished and self.is_flowing and not self.snapshot_end_lsn

    def is_read_up_to(self, applied_lsn: int) -> bool:
        """Whether its snapshot is complete and the log has passed it: readers may see it."""
        is_read = self.is_unpublished and self.is_flowing and self.snapshot_end_lsn > 0
        return is_read and applied_lsn >= self.snapshot_end_lsn

    @property
    def is_unpublished(self) -> bool:
        """Whether readers do not see this snapshot yet."""
        return self.state in ("snapshotting", "resyncing")


@dataclass(frozen=True)
class Source:
    """Which log a slot reads and where it goes."""

    slot: str
    publication: str
    system_identifier: str
    source_database: str
    target_database: str
    source_id: str
    consistent_point: int
    created_at: datetime


@dataclass(frozen=True)
class Manifest:
    """One applied batch."""

    slot: str
    source_id: str
    start_lsn: int
    end_lsn: int
    last_commit_at: datetime
    transaction_count: int
    row_counts: dict[str, int]
    token: str


@dataclass(frozen=True)
class Request:
    """A person's wish: `pause`, `resume` or `resync` a table, or `*` for all.

    `outcome` is empty where it was done, else why it was not.
    """

    target: str
    action: str
    requested_at: datetime
    outcome: str = ""


_TABLE_FIELDS = [item.name for item in fields(CapturedTable) if item.compare]


class StateStore:
    """Reads and writes the state of one slot; safe for several threads."""

    def __init__(self, client: ClickHouseClient, slot: str) -> None:
        self._client = client
        self._slot = slot
        self.lock = threading.RLock()

    def prepare(self) -> None:
        """Make the tables, and forget manifests nobody will ask for."""
        if not self._is_prepared():
            for statement in _TABLES:
                self._client.command(statement)
        old = (
            f"slot = {{slot:String}} AND applied_at < now() - INTERVAL {KEEP_BATCHES_DAYS} DAY"
            " AND (source_id, end_lsn) NOT IN (SELECT source_id, max(end_lsn)"
            f" FROM {DATABASE}.batches WHERE slot = {{slot:String}} GROUP BY source_id)"
        )
        # A deletion is a mutation, dear even when it finds nothing.
        if self._query(f"SELECT count() FROM {DATABASE}.batches WHERE {old}")[0][0]:
            parameters = {"slot": self._slot}
            self._client.command(f"DELETE FROM {DATABASE}.batches WHERE {old}", parameters)

    def _is_prepared(self) -> bool:
        rows = self._query(
            "SELECT (SELECT count() FROM system.tables WHERE database = {database:String}"
            " AND name IN {made:Array(String)}), (SELECT count() FROM system.columns"
            " WHERE database = {database:String} AND concat(table, '.', name)"
            " IN {added:Array(String)})",
            database=DATABASE,
            made=list(_MADE),
            added=[f"{table}.{column}" for table, column in _ADDED_LAST],
        )
        return tuple(rows[0]) == (len(_MADE), len(_ADDED_LAST))

    def source(self) -> Source | None:
        """What this slot was made for; None before its first start."""
        names = [item.name for item in fields(Source)]
        rows = self._query(
            f"SELECT {', '.join(names)} FROM {DATABASE}.sources FINAL WHERE slot = {{slot:String}}"
        )
        return Source(*rows[0]) if rows else None

    def save_source(self, source: Source) -> None:
        """Remember what the slot was made for."""
        names = [item.name for item in fields(Source)]
        values = [getattr(source, name) for name in names]
        self._insert("sources", names, values)

    def tables(self) -> list[CapturedTable]:
        """Every table ever captured through this slot, as last saved."""
        rows = self._query(
            f"SELECT {', '.join(_TABLE_FIELDS)} FROM {DATABASE}.tables FINAL"
            " WHERE slot = {slot:String} ORDER BY target"
        )
        return [_table(dict(zip(_TABLE_FIELDS, row, strict=True))) for row in rows]

    def save(self, table: CapturedTable) -> None:
        """Keep a table as it is now."""
        with self.lock:
            table.revision += 1
            values = {name: getattr(table, name) for name in _TABLE_FIELDS}
            values["layout"] = table.layout.to_json()
            values["snapshot_leaves"] = json.dumps([asdict(it) for it in table.snapshot_leaves])
            names = ["slot", "changed_at", *values]
            self._insert("tables", names, [self._slot, datetime.now(UTC), *values.values()])

    def forget(self, table: CapturedTable) -> None:
        """A table of the past whose name another has taken."""
        self._command(
            f"DELETE FROM {DATABASE}.tables WHERE slot = {{slot:String}} AND oid = {{oid:UInt32}}",
            oid=table.oid,
        )

    def applied_lsn(self, source: Source) -> int:
        """Up to where everything of this source is stored."""
        rows = self._query(
            f"SELECT max(end_lsn) FROM {DATABASE}.batches"
            " WHERE slot = {slot:String} AND source_id = {source_id:String}",
            source_id=source.source_id,
        )
        return max(int(rows[0][0]), source.consistent_point)

    def save_manifest(self, manifest: Manifest) -> None:
        """The last write of a batch. The token makes a repeat change nothing."""
        with self.lock:
            names = [item.name for item in fields(Manifest) if item.name != "token"]
            values = [getattr(manifest, name) for name in names]
            self._insert(
                "batches", [*names, "applied_at"], [*values, datetime.now(UTC)], manifest.token
            )

    def stored_versions(self, database: str, storages: list[str], after_lsn: int) -> dict[str, int]:
        """The newest version in each of these storages beyond `after_lsn`, 0 if there is none."""
        if not storages:
            return {}
        rows = self._query(
            " UNION ALL ".join(
                f"SELECT {number} AS number, max(_version) FROM {qualified(database, storage)}"
                f" WHERE _version >= bitShiftLeft(toUInt128({int(after_lsn)}), 64)"
                for number, storage in enumerate(storages)
            )
        )
        return {storages[number]: int(found) for number, found in rows}

    def requests(self) -> list[Request]:
        """What people asked for and nobody has done yet."""
        rows = self._query(
            f"SELECT target, action, requested_at FROM {DATABASE}.requests FINAL"
            " WHERE slot = {slot:String} AND is_handled = 0 ORDER BY requested_at"
        )
        return [Request(*row) for row in rows]

    def outcome(self, request: Request) -> str | None:
        """What became of a wish: None while nobody has looked at it, empty where it was done."""
        rows = self._query(
            f"SELECT outcome FROM {DATABASE}.requests FINAL WHERE slot = {{slot:String}}"
            " AND target = {target:String} AND action = {action:String}"
            " AND requested_at = {at:DateTime64(6, 'UTC')} AND is_handled = 1",
            target=request.target,
            action=request.action,
            at=request.requested_at,
        )
        return str(rows[0][0]) if rows else None

    def save_request(self, request: Request, *, is_handled: bool) -> None:
        """Ask for something, or tick it off."""
        names = ["slot", "target", "action", "requested_at", "is_handled", "outcome"]
        values = [
            self._slot, request.target, request.action, request.requested_at, is_handled,
            request.outcome,
        ]  # fmt: skip
        self._insert("requests", names, values)

    def _query(self, sql: str, **parameters: Any) -> Any:
        with self.lock:
            return self._client.query(
                sql, parameters={"slot": self._slot, **parameters}, tz_mode="aware"
            ).result_rows

    def _command(self, sql: str, **parameters: Any) -> None:
        with self.lock:
            self._client.command(sql, parameters={"slot": self._slot, **parameters})

    def _insert(self, table: str, names: list[str], values: list[Any], token: str = "") -> None:
        """One row. As JSON: the driver's own insert loads pandas and pyarrow, which takes half a
        second and 70 MB."""
        settings = {"insert_deduplication_token": token} if token else {}
        row = json.dumps(dict(zip(names, values, strict=True)), default=_json_value)
        with self.lock:
            self._client.raw_insert(
                f"{DATABASE}.{table}", names, row.encode(), fmt="JSONEachRow", settings=settings
            )


def _json_value(value: object) -> str:
    """A time, as a column of UTC reads it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    raise TypeError(type(value).__name__)


def _table(row: dict[str, Any]) -> CapturedTable:
    known = {
        "layout": Layout.from_json(row["layout"]),
        "is_waiting": bool(row["is_waiting"]),
        "is_doubtful": bool(row["is_doubtful"]),
        "snapshot_leaves": tuple(
            SourceLeaf(**leaf) for leaf in json.loads(row["snapshot_leaves"] or "[]")
        ),
    }
    return CapturedTable(**{**row, **known})
