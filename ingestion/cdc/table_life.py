"""What becomes of captured tables between batches: wishes, finished snapshots, the publication.

Belongs here: what is done at a moment when nothing is being written, so that no row is on its way
to a storage that changes its name. How one table is read anew or shown belongs to `registry`.

The log announces a table's form only before its next row, and never tells that rows were written
anew. So the catalogue is looked at every two seconds: a table whose rows the log cannot tell is
read anew, and a change of a table that nobody writes to is followed once the log has passed it.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ingestion.cdc.doubts import Doubts
from ingestion.cdc.messages import Relation
from ingestion.cdc.registry import Tables
from ingestion.cdc.rows import RowId
from ingestion.cdc.schema_changes import (
    CannotFollow,
    LayoutChange,
    ReadAnew,
    needs_change,
    relation_of,
)
from ingestion.cdc.source_form import SourceForm
from ingestion.cdc.state import CapturedTable, Request, StateStore

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
# While something is about to be followed that the log says nothing of.
SOON_SECONDS = 0.25
# A catalogue of many thousand columns takes longer to look at; it is then looked at less often.
REST_PER_LOOK = 20.0
LONGEST_REST_SECONDS = 15.0
# What one of the last looks took at best: the others waited for somebody else.
LOOKS_COMPARED = 5
# To begin a table anew takes many questions. Of a hundred that were altered at once some are
# begun, then the log is read on, so that the other tables flow and PostgreSQL is answered.
RESTARTING_SECONDS = 0.5


class TableLife:
    """Call `turn` whenever nothing is being written, before the next batch is sealed."""

    def __init__(
        self,
        tables: Tables,
        state: StateStore,
        *,
        forget: Callable[[int], None],
        announce: Callable[[Relation, RowId], None],
        wake_snapshots: Callable[[], None],
        doubts: Doubts,
    ) -> None:
        self._tables = tables
        self._state = state
        # What is open for a table that is read anew was committed before its rows are read.
        self._forget = forget
        # As if the log had announced a table's form at this place.
        self._announce = announce
        self._wake_snapshots = wake_snapshots
        self._doubts = doubts
        self._next_look = 0.0
        # Forms that the log has said nothing of, and the place by which it must have.
        self._quiet: dict[int, tuple[str, int]] = {}
        # Tables to be read anew and why; until that begins their changes are stored as before.
        self._due: dict[int, str] = {}
        self._look_seconds: deque[float] = deque(maxlen=LOOKS_COMPARED)

    @property
    def is_settled(self) -> bool:
        """Whether the source has been looked at and nothing is about to be followed."""
        return self._next_look > 0 and not self._quiet and not self._due

    def turn(self, applied_lsn: int) -> None:
        """Begin what must be read anew, show what is complete; every now and then look around.

        `applied_lsn`: up to where everything is stored. A table whose changes are left out is
        noted as such here, so no batch without them is confirmed before that is on disk.
        """
        for table in self._tables.all():
            if table.restart_reason:
                self._restart(table, table.restart_reason)
            elif table.is_read_up_to(applied_lsn):
                self._tables.publish(table)
        if self._due:
            self._restart_due()
        elif time.monotonic() >= self._next_look:
            self.look(applied_lsn)

    def look(self, applied_lsn: int) -> None:
        """Wishes, the publication, the tables' forms, and what waits for a lock."""
        self.take_requests()
        started = time.monotonic()
        forms = self._tables.forms()
        self._look_seconds.append(time.monotonic() - started)
        if self._tables.compare_with_publication(forms):
            self._wake_snapshots()
        for oid, form in forms.items():
            table = self._tables.find(oid)
            if table is not None and table.is_waiting:
                self._due[oid] = table.restart_reason
            elif table is not None and table.is_flowing:
                self._compare(table, form, applied_lsn)
            elif table is not None and table.state == "quarantined":
                self._offer_way_out(table, form)
        self._settle_doubts()
        is_soon = self._quiet or any(table.is_doubtful for table in self._tables.all())
        pause = SOON_SECONDS if is_soon else LOOK_SECONDS
        rest = REST_PER_LOOK * min(self._look_seconds)
        self._next_look = time.monotonic() + max(pause, min(rest, LONGEST_REST_SECONDS))

    def take_requests(self) -> None:
        """Do what people have asked for."""
        for request in self._state.requests():
            outcome = self._fulfil(request)
            self._state.save_request(replace(request, outcome=outcome), is_handled=True)

    def _fulfil(self, request: Request) -> str:
        """Why it was not done; empty where it was."""
        found = [
            table
            for table in self._tables.all()
            if table.state != "removed" and request.target in ("*", table.target)
        ]
        if not found:
            return f"no table {request.target} is captured"
        for table in found:
            if request.action == "pause":
                self._tables.pause(table)
                self._forget(table.oid)
            elif request.action == "resync":
                self._restart(table, "asked for", by_itself=False)
            elif table.state == "paused":
                self._restart(table, "resumed", by_itself=False)
            elif request.target != "*":
                return f"{table.target} is not paused but {table.state}"
        return ""

    def _restart(self, table: CapturedTable, reason: str, *, by_itself: bool = True) -> None:
        self._tables.restart(table, reason, by_itself=by_itself)
        self._forget(table.oid)
        self._quiet.pop(table.oid, None)
        self._due.pop(table.oid, None)
        self._wake_snapshots()

    def _restart_due(self) -> None:
        """Those that the last look found, for a bounded time."""
        deadline = time.monotonic() + RESTARTING_SECONDS
        while self._due and time.monotonic() < deadline:
            oid, reason = next(iter(self._due.items()))
            table = self._tables.find(oid)
            if table is not None and (table.is_flowing or table.is_waiting):
                self._restart(table, reason)
            self._due.pop(oid, None)

    def _settle_doubts(self) -> None:
        settled = self._doubts.settle(self._tables.all())
        if settled is None:
            return
        table, is_equal = settled
        if is_equal:
            table.is_doubtful = False
            self._state.save(table)
        else:
            self._restart(table, "an ALTER wrote its rows anew with other values")

    def _offer_way_out(self, table: CapturedTable, form: SourceForm) -> None:
        """A table that was put aside for want of a key may have been given one since."""
        known = SourceForm.from_json(table.source_form)
        if known is None or known.key or not form.key:
            return
        table.source_form = form.to_json()
        table.reason = (
            f"it had no key when it was put aside, but has one now ({', '.join(form.key)})."
            f" Way out: interview-data cdc resync {table.target}"
        )
        self._state.save(table)
        logger.info("table %s is quarantined: %s", table.target, table.reason)

    def _compare(self, table: CapturedTable, form: SourceForm, applied_lsn: int) -> None:
        """What has happened at the source that the log may say nothing of."""
        is_underway = table.announced not in (None, table.layout)
        is_known = table.source_form == form.to_json()
        # Rows from before an ALTER may have been stored after it: then the form is known already,
        # and still not the stored one.
        if is_underway or (is_known and not needs_change(table.layout, relation_of(form))):
            self._quiet.pop(table.oid, None)
            return
        change: LayoutChange | CannotFollow | None
        try:
            change = self._tables.change(table, relation_of(form), form)
        except ReadAnew as reason:
            self._due[table.oid] = str(reason)
            return
        except CannotFollow as reason:
            change = reason
        if change is None:
            self._tables.remember(table, form)
        elif table.is_snapshotting:
            self._due[table.oid] = "its columns changed while it was being read"
        else:
            self._announce_when_passed(table, form, applied_lsn)

    def _announce_when_passed(
        self, table: CapturedTable, form: SourceForm, applied_lsn: int
    ) -> None:
        """The log is past the change and has not named the table since: it has this form now."""
        text = form.to_json()
        seen, at = self._quiet.get(table.oid, ("", 0))
        if seen != text:
            self._quiet[table.oid] = text, self._tables.current_lsn()
        elif applied_lsn >= at:
            del self._quiet[table.oid]
            self._announce(relation_of(form), RowId(applied_lsn, 0))
