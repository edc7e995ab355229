"""The captured tables of one session: found, adopted, reshaped, published to readers.

Belongs here: a table's coming and going. What the log does to its rows belongs to `batch`.
"""

import logging
import uuid

from ingestion.cdc.apply import quarantine
from ingestion.cdc.catalog import (
    SourceTable,
    current_columns,
    published_oids,
    published_table,
    published_tables,
    resolve_type,
)
from ingestion.cdc.layout import (
    Layout,
    create_storage,
    create_view,
    layout_of,
    log_database,
    problem_with,
    qualified,
)
from ingestion.cdc.messages import Relation
from ingestion.cdc.positions import format_lsn, version
from ingestion.cdc.schema_changes import (
    CannotFollow,
    LayoutChange,
    needs_change,
    nullability_changes,
    plan,
)
from ingestion.cdc.source import SourceDatabase
from ingestion.cdc.state import CapturedTable, Source, StateStore
from stores.clickhouse.client import ClickHouseClient

logger = logging.getLogger(__name__)

SHADOW_SUFFIX = "__resync"


class Tables:
    """Every table of the slot, by oid; implements what `batch.Registry` asks."""

    def __init__(
        self,
        database: SourceDatabase,
        client: ClickHouseClient,
        state: StateStore,
        source: Source,
    ) -> None:
        self._database = database
        self._client = client
        self._state = state
        self._source = source
        self._log = log_database(source.target_database)
        self._by_oid: dict[int, CapturedTable] = {}

    def load(self, applied_lsn: int) -> None:
        """What is known, then what the publication has gained or lost since."""
        for name in (self._source.target_database, self._log):
            self._client.command(f"CREATE DATABASE IF NOT EXISTS `{name}` ENGINE = Atomic")
        for table in self._state.tables():
            self._by_oid[table.oid] = table
            if table.is_flowing:
                self._resume(table, applied_lsn)
        self.compare_with_publication(applied_lsn)

    def all(self) -> list[CapturedTable]:
        """Every table ever captured."""
        return list(self._by_oid.values())

    def find(self, oid: int) -> CapturedTable | None:
        """The table of this oid, if it is known."""
        return self._by_oid.get(oid)

    def named(self, target: str) -> CapturedTable | None:
        """The table whose changes go to `target` now."""
        found = [table for table in self.all() if table.target == target]
        return next((table for table in found if table.state != "removed"), None)

    def compare_with_publication(self, lsn: int) -> bool:
        """Adopt what was added, leave what was removed. True where there is something new.

        `lsn`: all the stream will write from now on is beyond it.
        """
        with self._database.told_apart():
            published = published_oids(self._database.connection, self._source.publication)
        for table in self.all():
            if table.oid not in published and table.state != "removed":
                table.state, table.reason = "removed", "it is no longer in the publication"
                self._state.save(table)
                logger.info("table %s left the publication; its rows stay", table.target)
        known = {table.oid for table in self.all() if table.state != "removed"}
        missing = published - known
        if not missing:
            return False
        found = published_tables(self._database.connection, self._source.publication)
        for source_table in found:
            if source_table.oid in missing:
                self._adopt(source_table, lsn)
        return True

    def adopt(self, relation: Relation, commit_lsn: int) -> CapturedTable | None:
        """A table the log names before the publication was looked at again.

        Stamped with the position of the very transaction: the stream's rows are all newer.
        None where it is gone from the publication again.
        """
        with self._database.told_apart():
            found = published_table(
                self._database.connection, self._source.publication, relation.oid
            )
        return self._adopt(found, commit_lsn) if found else None

    def follow(
        self, table: CapturedTable, relation: Relation
    ) -> LayoutChange | CannotFollow | None:
        """What must change before rows of this form can be stored; may quarantine the table."""
        name = qualified(self._log, table.storage)
        with self._database.told_apart():
            connection = self._database.connection
            current = current_columns(connection, table.oid)
            if not needs_change(table.coming_layout, relation):
                return nullability_changes(table.coming_layout, current, name)
            try:
                return plan(
                    table.coming_layout,
                    relation,
                    current,
                    lambda oid, modifier: resolve_type(connection, oid, modifier),
                    name,
                )
            except CannotFollow as reason:
                quarantine(table, str(reason), self._state)
                return reason

    def resync(self, table: CapturedTable, lsn: int) -> None:
        """Read the table anew into a shadow; readers keep the old rows until it is complete."""
        with self._database.told_apart():
            found = published_table(self._database.connection, self._source.publication, table.oid)
        if found is None:
            quarantine(table, "it is not in the publication", self._state)
            return
        self._start(table, found, lsn, state="resyncing")

    def publish(self, table: CapturedTable) -> None:
        """Show readers a table whose snapshot is complete; can be repeated after a crash."""
        shadow, final = table.target + SHADOW_SUFFIX, table.target
        if table.storage == shadow and not self._is_ours(final, table):
            old, new = qualified(self._log, final), qualified(self._log, shadow)
            if self._comment(final) is None:
                self._client.command(f"RENAME TABLE {new} TO {old}")
            else:
                self._client.command(f"EXCHANGE TABLES {new} AND {old}")
        table.storage, table.state, table.reason = final, "streaming", ""
        self._client.command(
            create_view(self._source.target_database, final, self._log, final, table.layout)
        )
        self._state.save(table)
        self._client.command(f"DROP TABLE IF EXISTS {qualified(self._log, shadow)} SYNC")
        logger.info("table %s streams: %d rows read", table.target, table.snapshot_row_count)

    def refresh_view(self, table: CapturedTable) -> None:
        """The view shows the columns there are now."""
        self._client.command(
            create_view(
                self._source.target_database, table.target, self._log, table.storage, table.layout
            )
        )

    def _adopt(self, found: SourceTable, lsn: int) -> CapturedTable:
        target = found.name if found.schema == "public" else f"{found.schema}__{found.name}"
        table = self._by_oid.get(found.oid) or CapturedTable(
            found.oid, target, found.schema, found.name, layout_of(found)
        )
        self._by_oid[found.oid] = table
        is_taken = self._comment(target) is not None
        self._start(table, found, lsn, state="resyncing" if is_taken else "snapshotting")
        return table

    def _start(self, table: CapturedTable, found: SourceTable, lsn: int, *, state: str) -> None:
        layout = layout_of(found)
        table.generation += 1
        table.layout, table.announced, table.reason = layout, None, ""
        table.state = "resyncing" if state == "resyncing" else "snapshotting"
        table.storage_mark = f"{found.schema}.{found.name}, reading {uuid.uuid4()}"
        table.storage = table.target + (SHADOW_SUFFIX if state == "resyncing" else "")
        table.file_node, table.snapshot_block_count = found.file_node, found.block_count
        table.snapshot_lsn, table.snapshot_end_lsn = lsn, 0
        table.layout_version = version(self._database.current_lsn(), 0)
        table.snapshot_next_block = table.snapshot_row_count = table.stored_version = 0
        problem = problem_with(layout)
        if problem:
            quarantine(table, problem, self._state)
            return
        storage = qualified(self._log, table.storage)
        if state == "resyncing":
            self._client.command(f"DROP TABLE IF EXISTS {storage} SYNC")
        self._create(table, layout)
        self._state.save(table)
        logger.info("table %s is %s from %s", table.target, table.state, format_lsn(lsn))

    def _create(self, table: CapturedTable, layout: Layout) -> None:
        self._client.command(create_storage(self._log, table.storage, layout, table.storage_mark))

    def _resume(self, table: CapturedTable, applied_lsn: int) -> None:
        """Where the last session got to with this table; it may have died between two notes."""
        if table.storage != table.target and self._is_ours(table.target, table):
            self.publish(table)
        elif table.is_unpublished and not self._is_ours(table.storage, table):
            self.resync(table, applied_lsn)
        elif self._comment(table.storage) is None:
            quarantine(table, f"its storage {table.storage} is gone from ClickHouse", self._state)
        if table.is_flowing:
            table.stored_version = self._state.stored_version(self._log, table.storage, applied_lsn)

    def _is_ours(self, name: str, table: CapturedTable) -> bool:
        """Whether the storage of this name is the one this table's last snapshot made."""
        return self._comment(name) == table.storage_mark

    def _comment(self, name: str) -> str | None:
        rows = self._client.query(
            "SELECT comment FROM system.tables WHERE database = {d:String} AND name = {t:String}",
            parameters={"d": self._log, "t": name},
        ).result_rows
        return str(rows[0][0]) if rows else None
