"""The open batch: what is to be applied to ClickHouse, in order.

Belongs here: the steps of a batch, and what one change does to its table (versions, tombstones,
key changes). Which messages there are belongs to `assembler`, writing to `apply`.

Every change of a transaction takes two ordinals, whether or not it is skipped: a changed key
needs the first for the old key's tombstone. So a repeated transaction gets the same versions.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from ingestion.cdc.arrived import Arrived
from ingestion.cdc.layout import Layout
from ingestion.cdc.messages import UNCHANGED, Change, Relation, Tuple
from ingestion.cdc.rows import PartialRow, RowId, StoredRow, encode_row
from ingestion.cdc.schema_changes import CannotFollow, LayoutChange
from ingestion.cdc.state import CapturedTable
from stores.errors import CaptureStopped

ORDINALS_PER_CHANGE = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class RowsStep:
    """Rows of one table and one form: pieces of RowBinary of one or many rows each.

    Their order says nothing; their versions do. `first` and `last` bound the versions.
    """

    table: CapturedTable
    layout: Layout
    first: RowId
    last: RowId
    rows: list[bytes | PartialRow] = field(default_factory=list)
    row_count: int = 0
    has_partial: bool = False
    # Some deletions give more of the row than its key, which is not to be kept.
    has_full_deletion: bool = False
    # Where values are still to be found: what of it waits, in the log's order, and the part
    # that is being written.
    waiting: list[StoredRow | PartialRow] | None = None
    part: "RowsStep | None" = None


@dataclass
class TruncateStep:
    """The table was emptied at `row_id`."""

    table: CapturedTable
    row_id: RowId


@dataclass
class LayoutStep:
    """The table takes another form at `row_id`."""

    table: CapturedTable
    change: LayoutChange
    row_id: RowId


Step = RowsStep | TruncateStep | LayoutStep


@dataclass
class Batch:
    """What one round writes. `end_lsn` is that of the last transaction wholly in it or before."""

    start_lsn: int
    end_lsn: int
    steps: list[Step] = field(default_factory=list)
    byte_count: int = 0
    row_count: int = 0
    transaction_count: int = 0
    last_commit_at: datetime = _EPOCH


class Registry(Protocol):
    """What the batch asks about tables; may read the catalogue and make storages."""

    def find(self, oid: int) -> CapturedTable | None:
        """The table of this oid, if it is known."""
        ...

    def adopt(self, relation: Relation, commit_lsn: int) -> CapturedTable | None:
        """A table the log names for the first time; None where it is gone again."""
        ...

    def follow(
        self, table: CapturedTable, relation: Relation
    ) -> LayoutChange | CannotFollow | None:
        """What must change before rows of this form can be stored, if that is possible."""
        ...


@dataclass
class Route:
    """Where the rows of one relation go now."""

    table: CapturedTable
    layout: Layout
    key: tuple[int, ...]
    step: RowsStep | None = None

    def checked(self, values: Tuple) -> Tuple:
        """A row of the log. Raises CaptureStopped where it has not the table's form."""
        if len(values) != len(self.layout.columns):
            raise CaptureStopped(
                f"PostgreSQL sent a row of {len(values)} columns for table {self.table.target},"
                f" which has {len(self.layout.columns)}."
            )
        return values


class OpenBatch:
    """Holds the open batch; takes rows into it, one by one or many at once."""

    def __init__(self, start_lsn: int, arrived: Arrived) -> None:
        self.batch = Batch(start_lsn, start_lsn)
        self._arrived = arrived

    def seal(self) -> Batch:
        """Hand over the open batch and start the next where it ends."""
        sealed = self.batch
        self.batch = Batch(sealed.end_lsn, sealed.end_lsn, last_commit_at=sealed.last_commit_at)
        return sealed

    def add(self, step: Step) -> None:
        """A step that is no row."""
        self.batch.steps.append(step)
        self.batch.row_count += 1

    def has_moved_rows(self, commit_lsn: int) -> bool:
        """Whether this transaction's deletions must be looked at one by one."""
        return self._arrived.is_any(commit_lsn)

    def take_change(self, route: Route, change: Change, row_id: RowId) -> None:
        """One change."""
        self._arrived.begin(row_id.commit_lsn)
        if change.new is not None:
            self._update(route, change, route.checked(change.new), row_id)
        elif change.old is not None:
            self._delete(route, route.checked(change.old), row_id, change)
        else:
            raise CaptureStopped("PostgreSQL sent a deletion without the row's key.")

    def take_piece(
        self, route: Route, data: bytes, row_count: int, first: RowId, last: RowId
    ) -> RowsStep:
        """Many rows, encoded already."""
        step = self._step(route, first, last)
        step.rows.append(data)
        step.row_count += row_count
        self.batch.byte_count += len(data)
        self.batch.row_count += row_count
        return step

    def _update(self, route: Route, change: Change, new: Tuple, row_id: RowId) -> None:
        """An insert comes here too: it has no former self."""
        old = None if change.old is None else route.checked(change.old)
        if old is not None:
            full = change.old_kind == "O"
            for index, value in enumerate(new):
                if value is UNCHANGED and (full or index in route.key):
                    new[index] = old[index]
        new_key = tuple(new[index] for index in route.key)
        old_key = new_key if old is None else tuple(old[index] for index in route.key)
        second = RowId(row_id.commit_lsn, row_id.ordinal + 1)
        if old is not None and old_key != new_key:
            self._delete(route, old, row_id, change)
            if change.old_kind == "O":
                self._arrived.note(change.oid, new_key, new)
        if UNCHANGED in new:
            self._append(route, PartialRow(second, new, old_key), second)
        else:
            self._append(route, encode_row(new, second), second)

    def _delete(self, route: Route, old: Tuple, row_id: RowId, change: Change) -> None:
        """Write the old key's tombstone, unless another row has meanwhile taken that key.

        Two rows swap keys within one statement only under a deferrable constraint, and then
        PostgreSQL demands full old images; they tell whether it is that other row which leaves.
        """
        key = tuple(old[index] for index in route.key)
        if self._arrived.is_taken(change.oid, key, old if change.old_kind == "O" else None):
            return
        values: Tuple = [None] * len(route.layout.columns)
        for index, value in zip(route.key, key, strict=True):
            values[index] = value
        self._append(route, encode_row(values, row_id, is_deleted=True), row_id)

    def _append(self, route: Route, row: bytes | PartialRow, row_id: RowId) -> None:
        step = self._step(route, row_id, row_id)
        step.rows.append(row)
        step.row_count += 1
        if isinstance(row, bytes):
            self.batch.byte_count += len(row)
        else:
            step.has_partial = True
            self.batch.byte_count += sum(len(v) for v in row.values if isinstance(v, bytes))
        self.batch.row_count += 1

    def _step(self, route: Route, first: RowId, last: RowId) -> RowsStep:
        step = route.step
        if step is None:
            step = route.step = RowsStep(route.table, route.layout, first, last)
            self.batch.steps.append(step)
        step.first, step.last = min(step.first, first), max(step.last, last)
        return step
