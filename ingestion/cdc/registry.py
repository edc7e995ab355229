"""The captured tables of one session: found, adopted, reshaped, read anew, published to readers.

Belongs here: a table's coming and going. When that happens belongs to `table_life`; what the log
does to its rows belongs to `batch`.

A table is always begun in the same way: its form is read from the catalogue, then the log's place
L. All the log tells of it up to L is skipped, for whatever committed before L is seen by a
snapshot that is read after it; the rows of the snapshot get the version L. So no row in an older
form is ever put beside newer ones, whatever was altered before L.
"""

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingestion.cdc.adjusted import publish_adjusted_values
from ingestion.cdc.apply import quarantine
from ingestion.cdc.catalog import SourceColumn, SourceTable, described, resolve_type
from ingestion.cdc.layout import (
    Layout,
    codec_of_column,
    layout_of,
    log_database,
    problem_with,
    qualified,
)
from ingestion.cdc.messages import Relation
from ingestion.cdc.names import target_of, targets
from ingestion.cdc.positions import format_lsn, version
from ingestion.cdc.schema_changes import CannotFollow, LayoutChange, ReadAnew, plan
from ingestion.cdc.source import SourceDatabase, TableLocked
from ingestion.cdc.source_form import SourceForm, source_form, source_forms
from ingestion.cdc.state import CapturedTable, Source, StateStore
from ingestion.cdc.storages import SHADOW_MARK, Storages
from ingestion.cdc.treated_tables import check_nothing_is_uncovered, wanted_columns
from ingestion.cdc.treatments import ColumnTreatment, check_treatments, treated
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import Error as ClickHouseError

logger = logging.getLogger(__name__)

UNKNOWN_IDENTIFIER = 47
# The stream waits meanwhile; a table that is locked for longer is tried again later.
LOCK_WAIT_MILLISECONDS = 200
# Often enough for a day of migrations, not for a table that is never the same twice.
MOST_RESTARTS = 10
RESTARTS_WITHIN = timedelta(hours=1)


class Tables:
    """Every table of the slot, by oid; implements what `batch.Registry` asks."""

    def __init__(
        self,
        database: SourceDatabase,
        client: ClickHouseClient,
        state: StateStore,
        source: Source,
        treatments: tuple[ColumnTreatment, ...] = (),
    ) -> None:
        self._database = database
        self._treatments = treatments
        self._client = client
        self._state = state
        self._source = source
        self._log = log_database(source.target_database)
        self._storages = Storages(client, source.target_database)
        self._by_oid: dict[int, CapturedTable] = {}
        # Named by the log, but not to be adopted in the middle of it; looked at again later.
        self._unknown: set[int] = set()

    def load(self, applied_lsn: int) -> None:
        """What is known, then what the publication has gained or lost since."""
        self._database.limit_lock_waits(LOCK_WAIT_MILLISECONDS)
        self._storages.prepare()
        for table in self._state.tables():
            self._by_oid[table.oid] = table
        in_place = self._storages.in_place(self.all())
        for table in self.all():
            if table.oid not in in_place:
                self._storages.find(table)
                if table.is_flowing:
                    self._resume(table)
        self._note_stored(applied_lsn)
        self._refresh_views()
        self._storages.drop_orphans({table.storage for table in self.all()})
        forms = self.forms()
        check_treatments(self._treatments, forms)
        self._follow_treatments(forms)
        self.compare_with_publication(forms)

    def _follow_treatments(self, forms: dict[int, SourceForm]) -> None:
        """Rows that are treated differently never come together: such a table is read anew."""
        check_nothing_is_uncovered(self.all(), forms, self._treatments)
        for table in self.all():
            if table.oid not in forms or not table.layout.columns:
                continue
            before = table.layout
            columns = wanted_columns(table, forms[table.oid], self._treatments)
            table.layout = Layout(columns, before.key)
            changed = [
                new.name for new, old in zip(columns, before.columns, strict=True) if new != old
            ]
            if changed and (table.is_flowing or table.is_waiting):
                reason = f"column {changed[0]} is excluded, hashed or kept otherwise than before"
                self.restart(table, reason, by_itself=False)

    def _treated(self, table: CapturedTable, column: SourceColumn) -> SourceColumn:
        return treated(column, table.source_schema, table.source_name, self._treatments)

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

    def forms(self) -> dict[int, SourceForm]:
        """What every published table looks like now, by oid."""
        with self._database.told_apart():
            return source_forms(self._database.connection, self._source.publication)

    def current_lsn(self) -> int:
        """Where the source is now."""
        return self._database.current_lsn()

    def compare_with_publication(self, forms: dict[int, SourceForm]) -> bool:
        """Adopt what was added, leave what was removed, follow what was renamed.

        Only while nothing is being written. True where there is something to read.
        """
        self._unknown.clear()
        for table in self.all():
            if table.oid not in forms and table.state != "removed":
                self.leave(table, "it is no longer in the publication")
        names = self._targets(forms)
        self._rename(forms, names)
        is_new = False
        for oid, form in forms.items():
            known = self._by_oid.get(oid)
            if known is None or known.state == "removed":
                self._adopt(form, names[oid])
                is_new = True
        return is_new

    def adopt(self, relation: Relation, commit_lsn: int) -> CapturedTable | None:
        """A table the log names before the publication was looked at again; None where it is
        gone again, or has to wait. What the log tells of it until then, its snapshot will see."""
        if relation.oid in self._unknown:
            return None
        with self._database.told_apart():
            form = source_form(self._database.connection, self._source.publication, relation.oid)
        if form is None or self.named(target_of(form.schema, form.name)) is not None:
            # Another table has its name until the next look, which is between two batches.
            self._unknown.add(relation.oid)
            return None
        logger.info("table %s appears at %s", form.name, format_lsn(commit_lsn))
        return self._adopt(form, target_of(form.schema, form.name))

    def follow(
        self, table: CapturedTable, relation: Relation
    ) -> LayoutChange | CannotFollow | None:
        """What must change before rows of this form can be stored.

        Where that cannot be, the table is put aside: for good, or until it is begun anew.
        """
        try:
            change = self.change(table, relation)
        except CannotFollow as reason:
            self._put_aside(table, reason)
            return reason
        if change is not None and table.is_snapshotting:
            again = ReadAnew("its columns changed while it was being read")
            self._put_aside(table, again)
            return again
        return change

    def change(
        self, table: CapturedTable, relation: Relation, form: SourceForm | None = None
    ) -> LayoutChange | None:
        """The change to what `relation` announces. Raises CannotFollow or ReadAnew."""
        with self._database.told_apart():
            connection = self._database.connection
            form = form or source_form(connection, self._source.publication, table.oid)
            if form is None:
                raise ReadAnew("it left the publication")
            change = plan(
                table.coming_layout,
                relation,
                known=SourceForm.from_json(table.source_form) or form,
                form=form,
                resolve=lambda oid, modifier: resolve_type(connection, oid, modifier),
                table=qualified(self._log, table.storage),
            )
        for column in change.layout.columns if change else ():
            if not column.treatment and self._treated(table, column).treatment:
                raise ReadAnew(f"column {column.name} is to be excluded or hashed")
        for column, text in change.defaults if change else ():
            self._check_default(column, text)
        return change

    def _check_default(self, column: SourceColumn, text: str) -> None:
        fits = codec_of_column(column).fits
        if fits is None:
            return
        found = self._client.query(
            f"SELECT ifNull({fits('toNullable({t:String})')}, 1)", parameters={"t": text}
        ).result_rows
        if not found[0][0]:
            raise ReadAnew(f"column {column.name} was added with a default that does not fit")

    def restart(self, table: CapturedTable, reason: str, *, by_itself: bool) -> None:
        """Read the table anew; readers keep the old rows until it is complete.

        Only while nothing is being written. Where another session holds the table at the source,
        it is put aside and may be tried again. What restarts itself too often is quarantined.
        """
        table.restart_reason = ""
        if by_itself and not self._may_restart(table):
            hours = RESTARTS_WITHIN.total_seconds() / 3600
            again = f"{reason}; it was read anew {MOST_RESTARTS} times within {hours:.0f} h"
            quarantine(table, again, self._state)
            return
        if not by_itself:
            table.restart_count = 0
        try:
            found = self._measured(table.oid)
        except TableLocked:
            self._wait_for_lock(table, reason)
            return
        if found is None:
            self.leave(table, "it is no longer in the publication")
        else:
            self._start(table, found, reason)

    def leave(self, table: CapturedTable, reason: str) -> None:
        """Its rows stay for readers; what is half read is dropped."""
        self._set_aside(table, "removed", reason)
        logger.info("table %s left the publication; its rows stay", table.target)

    def pause(self, table: CapturedTable) -> None:
        """Readers keep what they see; what changes meanwhile is read when it is resumed."""
        self._set_aside(table, "paused", "paused by request")
        logger.info("table %s is paused", table.target)

    def publish(self, table: CapturedTable) -> None:
        """Show readers a table whose snapshot is complete; can be repeated after a crash."""
        shadow, final = table.storage, table.target
        if shadow != final and not self._storages.is_ours(final, table):
            self._storages.put_in_place(shadow, final)
        table.storage, table.state, table.reason = final, "streaming", ""
        self.refresh_view(table)
        self._state.save(table)
        if shadow != final:
            self._storages.drop(shadow)
        publish_adjusted_values(self._client)
        logger.info("table %s streams: %d rows read", table.target, table.snapshot_row_count)

    def refresh_view(self, table: CapturedTable) -> None:
        """The view shows the columns there are now."""
        self._storages.show_as(table.target, table.storage, table.layout)

    def remember(self, table: CapturedTable, form: SourceForm) -> None:
        """What the source looks like, where that changes nothing for the stored rows."""
        table.source_form = form.to_json()
        self._state.save(table)

    def _targets(self, forms: dict[int, SourceForm]) -> dict[int, str]:
        held = {table.oid: table.target for table in self.all() if table.state != "removed"}
        return targets(((form.oid, form.schema, form.name) for form in forms.values()), held)

    def _adopt(self, form: SourceForm, target: str) -> CapturedTable:
        before = self._by_oid.get(form.oid)
        self._take_name(target, form.oid)
        table = before or CapturedTable(form.oid, target, form.schema, form.name, Layout((), ()))
        table.target, table.source_schema, table.source_name = target, form.schema, form.name
        table.state = "resyncing" if self._storages.comment(target) is not None else "snapshotting"
        table.restart_count = 0
        if target != target_of(form.schema, form.name):
            logger.warning("another table is called as %s would be; it is %s", form.name, target)
        self._by_oid[form.oid] = table
        self.restart(table, "", by_itself=False)
        return table

    def _take_name(self, target: str, oid: int) -> None:
        """Forget a table of the past that had this name; its rows stay until they are replaced."""
        for table in self.all():
            if table.target == target and table.oid != oid and table.state == "removed":
                self._state.forget(table)
                del self._by_oid[table.oid]

    def _put_aside(self, table: CapturedTable, reason: CannotFollow) -> None:
        if isinstance(reason, ReadAnew):
            table.restart_reason = str(reason)
            logger.info("table %s is to be read anew: %s", table.target, reason)
        else:
            quarantine(table, str(reason), self._state)

    def _set_aside(self, table: CapturedTable, state: str, reason: str) -> None:
        table.state = "paused" if state == "paused" else "removed"
        table.reason, table.restart_reason, table.is_waiting = reason, "", False
        table.generation += 1
        shadow, table.storage = table.storage, table.target
        self._state.save(table)
        if shadow and shadow != table.target:
            self._storages.drop(shadow)

    def _may_restart(self, table: CapturedTable) -> bool:
        """What waits was counted when it began to wait."""
        now = datetime.now(UTC)
        if now - table.restarted_at > RESTARTS_WITHIN:
            table.restart_count, table.restarted_at = 0, now
        if not table.is_waiting:
            table.restart_count += 1
        return table.restart_count <= MOST_RESTARTS

    def _wait_for_lock(self, table: CapturedTable, reason: str) -> None:
        if not table.is_waiting:
            logger.warning("table %s waits: it is locked at the source", table.target)
        if not table.is_unpublished:
            table.state = "resyncing"
        table.is_waiting = True
        why = f"{reason}; " if reason else ""
        table.reason = f"{why}waiting until no other session holds it at the source"
        self._state.save(table)

    def _measured(self, oid: int) -> "_Beginning | None":
        """The form, then the place, then the size: what is written between the first two comes in
        a newer form and is followed; what is written before the third is within its blocks."""
        with self._database.told_apart():
            connection, publication = self._database.connection, self._source.publication
            form = source_form(connection, publication, oid)
            if form is None:
                return None
            lsn = self._database.current_lsn()
            return _Beginning(form, lsn, described(connection, publication, form))

    def _start(self, table: CapturedTable, beginning: "_Beginning", reason: str) -> None:
        """The storage first: whoever reads the table finds all of its beginning, or none."""
        found = beginning.table
        half_read = table.storage if table.is_unpublished else ""
        layout = layout_of(found, self._treatments, before=table.layout)
        problem = problem_with(layout)
        # A name of its own, so that a chunk still on its way to a former one never gets here.
        shadow = f"{table.target}{SHADOW_MARK}{uuid.uuid4().hex[:8]}"
        storage = table.target if self._storages.comment(table.target) is None else shadow
        mark = f"{found.schema}.{found.name}, reading {uuid.uuid4()}"
        if not problem:
            self._storages.make(storage, layout, mark)
        with self._state.lock:
            table.generation += 1
            # What a chunk of the former reading found since is answered by this one.
            table.restart_reason = ""
            table.layout, table.announced, table.reason = layout, None, reason
            table.is_waiting = table.is_doubtful = False
            table.state = "resyncing" if table.state != "snapshotting" else "snapshotting"
            table.storage, table.storage_mark = storage, mark
            table.file_node, table.snapshot_block_count = found.file_node, found.block_count
            table.source_form = beginning.form.to_json()
            table.snapshot_leaves = found.leaves
            table.snapshot_lsn, table.snapshot_end_lsn = beginning.lsn, 0
            table.layout_version = table.stored_version = version(table.snapshot_lsn, 0)
            table.snapshot_next_block = table.snapshot_row_count = 0
            if problem:
                quarantine(table, problem, self._state)
                return
            self._state.save(table)
        if half_read and half_read not in (table.storage, table.target):
            self._storages.drop(half_read)
        at = format_lsn(table.snapshot_lsn)
        logger.info("table %s is %s from %s. %s", table.target, table.state, at, reason)

    def _rename(self, forms: dict[int, SourceForm], names: dict[int, str]) -> None:
        """Names follow the source. All are parked first: two tables may exchange theirs."""
        moving = []
        for table in self.all():
            form = forms.get(table.oid)
            if form is None or table.state == "removed":
                continue
            table.source_schema, table.source_name = form.schema, form.name
            if table.target != names[form.oid]:
                moving.append((table, table.target, self._park(table), names[form.oid]))
        for table, old, parked, new in moving:
            self._take_name(new, table.oid)
            table.target = new
            if parked and parked != new:
                self._storages.drop(new)
                self._storages.move(table, parked, new)
            if parked and table.state != "snapshotting":
                self._storages.show(new)
            # Last: what is noted as done is not looked at again.
            self._state.save(table)
            logger.info("table %s is called %s now", old, new)

    def _park(self, table: CapturedTable) -> str:
        """Free the name of what readers see of a table; where it is now, empty if there is none.

        A session that died between two renames left it elsewhere, and perhaps another table's
        rows, and their view, under its old name: those stay.
        """
        old = table.target
        owner = self._storages.comment(old)
        is_taken = owner in {it.storage_mark for it in self.all() if it is not table}
        if not is_taken:
            self._storages.hide(old)
        if owner is None or is_taken:
            return "" if table.is_unpublished else table.storage
        parked = f"{old}{SHADOW_MARK}{uuid.uuid4().hex[:8]}"
        self._storages.move(table, old, parked)
        self._state.save(table)
        return parked

    def _resume(self, table: CapturedTable) -> None:
        """Where the last session got to with this table; it may have died between two notes."""
        if table.storage != table.target and self._storages.is_ours(table.target, table):
            self.publish(table)
        elif table.is_unpublished and not self._storages.is_ours(table.storage, table):
            self.restart(table, "its half-read rows are gone from ClickHouse", by_itself=True)
        elif self._storages.comment(table.storage) is None:
            quarantine(table, f"its storage {table.storage} is gone from ClickHouse", self._state)

    def _refresh_views(self) -> None:
        """A session may have died after it altered a storage and before it altered the view, or
        after it hid the view of a table to be renamed, which then kept its name."""
        shown = self._storages.shown()
        for table in self.all():
            is_altered = table.layout_version > version(table.snapshot_lsn, 0)
            is_stale = is_altered or table.target not in shown
            if is_stale and table.state == "streaming" and table.is_written:
                try:
                    self.refresh_view(table)
                except ClickHouseError as error:
                    # Altered once more than was noted: the log repeats that ALTER and what follows.
                    if getattr(error, "code", None) != UNKNOWN_IDENTIFIER:
                        raise

    def _note_stored(self, applied_lsn: int) -> None:
        """What the last session has stored beyond its last note."""
        flowing = [table for table in self.all() if table.is_flowing]
        storages = [table.storage for table in flowing]
        stored = self._state.stored_versions(self._log, storages, applied_lsn)
        for table in flowing:
            table.stored_version = max(stored[table.storage], version(table.snapshot_lsn, 0))


@dataclass(frozen=True)
class _Beginning:
    """What a table is read from: its form, the log's place, its size."""

    form: SourceForm
    lsn: int
    table: SourceTable
