"""The open batch: messages of the log become steps to be applied to ClickHouse, in order.

Belongs here: what a message does to a table (versions, tombstones, key changes, skipping what is
already stored). Writing belongs to `apply`.

Every change of a transaction takes two ordinals, whether or not it is skipped: a changed key
needs the first for the old key's tombstone. So a repeated transaction gets the same versions.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from ingestion.cdc.layout import Layout
from ingestion.cdc.messages import (
    UNCHANGED,
    Begin,
    Change,
    Commit,
    Relation,
    Truncate,
    Tuple,
    Value,
    decode,
    decode_change,
)
from ingestion.cdc.positions import version
from ingestion.cdc.rows import PartialRow, RowId, encode_insert, encode_row
from ingestion.cdc.schema_changes import CannotFollow, LayoutChange, project
from ingestion.cdc.state import CapturedTable
from stores.errors import CaptureStopped

ORDINALS_PER_CHANGE = 2
_INSERT = ord("I")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class RowsStep:
    """Rows of one table and one form, in log order."""

    table: CapturedTable
    layout: Layout
    first: RowId
    last: RowId
    rows: list[bytes | PartialRow] = field(default_factory=list)
    has_partial: bool = False


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
class _Route:
    """Where the rows of one relation go now."""

    table: CapturedTable
    layout: Layout
    key: tuple[int, ...]
    step: RowsStep | None = None
    # Where each stored column is in the log's rows; absent where both have the same form.
    projection: tuple[int | None, ...] | None = None

    def project(self, values: Tuple) -> Tuple:
        """A row of the log in the stored form; what the log did not have yet is looked up."""
        if self.projection is None:
            return values
        return [UNCHANGED if place is None else values[place] for place in self.projection]


class Assembler:
    """Takes the messages of the log, one by one, and holds the open batch."""

    def __init__(self, registry: Registry, start_lsn: int) -> None:
        self._registry = registry
        self._relations: dict[int, Relation] = {}
        self._routes: dict[int, _Route] = {}
        self._commit_lsn = 0
        self._ordinal = 1
        # Full old images of rows that moved to a key within this transaction.
        self._arrived: dict[tuple[int, tuple[Value, ...]], Tuple] = {}
        self.in_transaction = False
        self.batch = Batch(start_lsn, start_lsn)

    def feed(self, data: bytes) -> None:
        """Take one message."""
        if data[0] == _INSERT:
            self._insert(data)
            return
        message = decode(data)
        if isinstance(message, Change):
            self._change(message, len(data))
        elif isinstance(message, Begin):
            self._commit_lsn, self._ordinal = message.commit_lsn, 1
            self._arrived.clear()
            self.in_transaction = True
        elif isinstance(message, Commit):
            self._commit(message)
        elif isinstance(message, Relation):
            self._relations[message.oid] = message
            self._close_route(message.oid)
        elif isinstance(message, Truncate):
            self._truncate(message)

    def seal(self) -> Batch:
        """Hand over the open batch and start the next where it ends."""
        sealed = self.batch
        self.batch = Batch(sealed.end_lsn, sealed.end_lsn, last_commit_at=sealed.last_commit_at)
        for route in self._routes.values():
            route.step = None
        return sealed

    def forget(self, oid: int) -> None:
        """Drop what is open for a table that is read anew."""
        self._close_route(oid)
        self.batch.steps = [step for step in self.batch.steps if step.table.oid != oid]

    def _insert(self, data: bytes) -> None:
        row_id = self._next_row_id()
        oid = int.from_bytes(data[1:5], "big")
        route = self._route(oid, row_id)
        if route is None:
            return
        if route.projection is None:
            self._append(route, encode_insert(data, row_id), row_id)
        else:
            change = decode_change(data)
            self._update(route, change, route.project(change.new or []), row_id)

    def _change(self, change: Change, size: int) -> None:
        row_id = self._next_row_id()
        route = self._route(change.oid, row_id)
        if route is None:
            return
        if change.new is None:
            if change.old is None:
                raise CaptureStopped("PostgreSQL sent a deletion without the row's key.")
            self._delete(route, route.project(change.old), row_id, change)
            return
        self._update(route, change, route.project(change.new), row_id)
        self.batch.byte_count += size

    def _update(self, route: _Route, change: Change, new: Tuple, row_id: RowId) -> None:
        old = None if change.old is None else route.project(change.old)
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
                self._arrived[change.oid, new_key] = new
        if UNCHANGED in new:
            self._append(route, PartialRow(second, new, old_key), second)
        else:
            self._append(route, encode_row(new, second), second)

    def _delete(self, route: _Route, old: Tuple, row_id: RowId, change: Change) -> None:
        """Write the old key's tombstone, unless another row has meanwhile taken that key.

        Two rows swap keys within one statement only under a deferrable constraint, and then
        PostgreSQL demands full old images; they tell whether it is that other row which leaves.
        """
        key = tuple(old[index] for index in route.key)
        arrived = self._arrived.pop((change.oid, key), None)
        if arrived is not None and change.old_kind == "O" and arrived != old:
            self._arrived[change.oid, key] = arrived
            return
        values: Tuple = [None] * len(route.layout.columns)
        for index, value in zip(route.key, key, strict=True):
            values[index] = value
        self._append(route, encode_row(values, row_id, is_deleted=True), row_id)

    def _truncate(self, message: Truncate) -> None:
        row_id = self._next_row_id()
        for oid in message.oids:
            table = self._registry.find(oid)
            if table is None or not table.is_flowing:
                continue
            route = self._routes.get(oid)
            if route is not None:
                route.step = None
            self.batch.steps.append(TruncateStep(table, row_id))
            self.batch.row_count += 1

    def _commit(self, message: Commit) -> None:
        self.in_transaction = False
        batch = self.batch
        batch.end_lsn = message.end_lsn
        batch.transaction_count += 1
        batch.last_commit_at = message.committed_at

    def _next_row_id(self) -> RowId:
        row_id = RowId(self._commit_lsn, self._ordinal)
        self._ordinal += ORDINALS_PER_CHANGE
        return row_id

    def _append(self, route: _Route, row: bytes | PartialRow, row_id: RowId) -> None:
        step = route.step
        if step is None:
            step = RowsStep(route.table, route.layout, row_id, row_id)
            route.step = step
            self.batch.steps.append(step)
        step.rows.append(row)
        step.last = row_id
        if isinstance(row, bytes):
            self.batch.byte_count += len(row)
        else:
            step.has_partial = True
        self.batch.row_count += 1

    def _route(self, oid: int, row_id: RowId) -> _Route | None:
        """Where the row goes; None where its table is not flowing or already has the row."""
        route = self._routes.get(oid)
        table = route.table if route else self._registry.find(oid)
        if table is not None:
            if not table.is_flowing:
                return None
            # A message's rows are stored together, so its first row stands for all.
            if version(*row_id) <= table.stored_version:
                return None
        return route or self._open_route(oid, table, row_id)

    def _open_route(self, oid: int, table: CapturedTable | None, row_id: RowId) -> _Route | None:
        relation = self._relations[oid]
        if table is None:
            table = self._registry.adopt(relation, row_id.commit_lsn)
        if table is None or not table.is_flowing:
            return None
        projection = None
        change: LayoutChange | CannotFollow | None = None
        if version(*row_id) < table.layout_version:
            projection = project(relation, table.coming_layout)
        else:
            change = self._registry.follow(table, relation)
        layout = table.coming_layout
        if isinstance(change, CannotFollow):
            return None
        if change is not None:
            layout = table.announced = change.layout
            self.batch.steps.append(LayoutStep(table, change, row_id))
        route = _Route(table, layout, layout.key_positions, projection=projection)
        self._routes[oid] = route
        return route

    def _close_route(self, oid: int) -> None:
        self._routes.pop(oid, None)
