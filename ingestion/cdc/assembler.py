"""Takes the log as it comes and fills the open batch.

Belongs here: transactions (where they begin and end, streamed ones kept until they have ended),
the numbering of their changes, and which table a row belongs to. What a change does to its table
belongs to `batch`; how many rows are encoded at once, to `vectors`.

A streamed transaction is numbered when it is taken from where it was kept, counting only what
was not rolled back: so it gets the same versions whether or not it was streamed.
"""

import struct
from collections.abc import Iterator
from typing import Final

import numpy as np

from ingestion.cdc.arrived import Arrived
from ingestion.cdc.batch import (
    ORDINALS_PER_CHANGE,
    Batch,
    LayoutStep,
    OpenBatch,
    Registry,
    Route,
    TruncateStep,
)
from ingestion.cdc.messages import (
    Begin,
    Change,
    Commit,
    Relation,
    StreamAbort,
    StreamCommit,
    StreamStart,
    StreamStop,
    Truncate,
    decode,
)
from ingestion.cdc.positions import version
from ingestion.cdc.rows import RowId
from ingestion.cdc.schema_changes import CannotFollow
from ingestion.cdc.spill import OpenTransaction, OpenTransactions
from ingestion.cdc.state import CapturedTable
from ingestion.cdc.vectors import DELETE, INSERT, UPDATE, Flags, Memory, Rows
from stores.errors import CaptureStopped
from stores.postgres.frames import (
    FRAME_HEADER,
    PADDING,
    Frames,
    find_frames,
    frames_between,
    frames_of,
)

_STREAM_SHIFT = 4
_BEGIN, _COMMIT, _STREAM_STOP, _STREAM_COMMIT = ord("B"), ord("C"), ord("E"), ord("c")
_LOG_DATA: Final = ord("w")
_LSN = struct.Struct(">Q")
# What a rollback of a savepoint takes back; a table's form is announced once per transaction.
_CHANGES = tuple(b"IUDT")
_IS_ROW: Flags = np.isin(np.arange(256), (INSERT, UPDATE, DELETE))
_LOW_HALF = (1 << 64) - 1


class Assembler(OpenBatch):
    """Takes messages of the log and holds the open batch."""

    def __init__(
        self, registry: Registry, start_lsn: int, open_transactions: OpenTransactions | None = None
    ) -> None:
        kept = OpenTransactions() if open_transactions is None else open_transactions
        super().__init__(start_lsn, Arrived(lambda: kept.prepared() / "moved-rows"))
        self._registry = registry
        self._open_transactions = kept
        self._relations: dict[int, Relation] = {}
        self._routes: dict[int, Route] = {}
        self._commit_lsn = 0
        self._ordinal = 1
        # Rows noted and not yet taken: first, one beyond the last, commit LSN, first ordinal.
        self._runs: list[tuple[int, int, int, int]] = []
        self._streamed: int | None = None
        self._work: Iterator[None] | None = None
        self.in_transaction = False

    def feed(self, *messages: bytes) -> None:
        """Take messages of the output plugin, whole."""
        self.take(frames_of(messages))
        while self.is_replaying:
            self.resume()

    def take(self, frames: Frames) -> None:
        """Take what has come. Where that completes a streamed transaction, only begin with it:
        `resume` until `is_replaying` is False, and take no more before."""
        self._work = self._process(frames)
        self.resume()

    def resume(self) -> None:
        """Go on with a streamed transaction for a piece of bounded size."""
        if self._work is not None and next(self._work, self) is self:
            self._work = None

    @property
    def is_replaying(self) -> bool:
        """Whether what was taken is not wholly in the batch yet."""
        return self._work is not None

    def seal(self) -> Batch:
        """Hand over the open batch and start the next where it ends."""
        for route in self._routes.values():
            route.step = None
        return super().seal()

    def forget(self, oid: int) -> None:
        """Drop what is open for a table that is read anew."""
        self._close_route(oid)
        self.batch.steps = [step for step in self.batch.steps if step.table.oid != oid]

    def announce(self, relation: Relation, row_id: RowId) -> None:
        """As if the log had named the form of a table's rows now."""
        self._relations[relation.oid] = relation
        self._close_route(relation.oid)
        table = self._registry.find(relation.oid)
        if table is not None and table.is_flowing:
            self._open_route(table, relation, row_id)
            self.batch.row_count += 1

    def _process(self, frames: Frames) -> Iterator[None]:
        memory = Memory(frames.data)
        kinds = memory.kinds(frames.starts)
        next_row = 0
        for index in np.flatnonzero(~_IS_ROW[kinds]).tolist():
            kind = int(kinds[index])
            if self._streamed is not None and kind != _STREAM_STOP:
                continue
            if self._streamed is None:
                self._note_rows(next_row, index)
            if kind == _BEGIN:
                self._begin(_LSN.unpack_from(frames.data, int(frames.starts[index]) + 31)[0])
            else:
                message = memory.text(int(frames.starts[index]), int(frames.ends[index]))
                if kind == _STREAM_STOP:
                    self._keep(frames, next_row, index)
                if kind != _COMMIT:
                    self._take_noted(memory, frames)
                if kind == _STREAM_COMMIT:
                    # What follows has to wait, and the buffer is only lent.
                    frames = Frames(bytearray(frames.data), frames.starts, frames.ends)
                    memory = Memory(frames.data)
                yield from self._control(message)
            next_row = index + 1
        if self._streamed is None:
            self._note_rows(next_row, len(kinds))
        else:
            self._keep(frames, next_row, len(kinds))
        self._take_noted(memory, frames)

    def _control(self, data: bytes) -> Iterator[None]:
        """A message that is no row of a finished transaction."""
        message = decode(data)
        if isinstance(message, Commit):
            self._commit(message)
        elif isinstance(message, Begin):
            self._begin(message.commit_lsn)
        elif isinstance(message, Relation):
            self._relations[message.oid] = message
            self._close_route(message.oid)
        elif isinstance(message, Truncate):
            self._truncate(message)
        elif isinstance(message, StreamStart):
            self._streamed = message.transaction_id
        elif isinstance(message, StreamStop):
            self._streamed = None
        elif isinstance(message, StreamAbort):
            self._open_transactions.abort(message.transaction_id, message.subtransaction_id)
        elif isinstance(message, StreamCommit):
            yield from self._replay(message)

    def _keep(self, frames: Frames, first: int, beyond: int) -> None:
        """Put messages of an open transaction aside."""
        if self._streamed is not None and first < beyond:
            start, end = int(frames.starts[first]), int(frames.ends[beyond - 1])
            self._open_transactions.append(self._streamed, bytes(frames.data[start:end]))

    def _replay(self, message: StreamCommit) -> Iterator[None]:
        """Take a streamed transaction as if it came only now."""
        self._begin(message.commit.commit_lsn)
        found = self._open_transactions.take(message.transaction_id)
        if found is not None:
            for frames in _frames_in(found):
                self._take_streamed(frames, found.aborted)
                yield
            found.remove()
        self._commit(message.commit)

    def _take_streamed(self, frames: Frames, aborted: set[int]) -> None:
        memory = Memory(frames.data, _STREAM_SHIFT)
        kinds = memory.kinds(frames.starts)
        if aborted:
            is_gone = np.isin(memory.transactions(frames.starts), list(aborted))
            kept = ~(is_gone & np.isin(kinds, _CHANGES))
            frames = Frames(frames.data, frames.starts[kept], frames.ends[kept])
            kinds = kinds[kept]
        next_row = 0
        for index in np.flatnonzero(~_IS_ROW[kinds]).tolist():
            self._note_rows(next_row, index)
            self._take_noted(memory, frames)
            for _ in self._control(memory.text(int(frames.starts[index]), int(frames.ends[index]))):
                raise CaptureStopped("PostgreSQL ended a transaction within another.")
            next_row = index + 1
        self._note_rows(next_row, len(kinds))
        self._take_noted(memory, frames)

    def _begin(self, commit_lsn: int) -> None:
        self._commit_lsn, self._ordinal = commit_lsn, 1
        self.in_transaction = True

    def _commit(self, message: Commit) -> None:
        self.in_transaction = False
        batch = self.batch
        batch.end_lsn = message.end_lsn
        batch.transaction_count += 1
        batch.last_commit_at = message.committed_at

    def _truncate(self, message: Truncate) -> None:
        row_id = RowId(self._commit_lsn, self._ordinal)
        self._ordinal += ORDINALS_PER_CHANGE
        for oid in message.oids:
            table = self._registry.find(oid)
            if table is None or not table.is_flowing or version(*row_id) <= _known_version(table):
                continue
            route = self._routes.get(oid)
            if route is not None:
                route.step = None
            self.add(TruncateStep(table, row_id))

    def _note_rows(self, first: int, beyond: int) -> None:
        """Number the rows between two other messages."""
        if first < beyond:
            self._runs.append((first, beyond, self._commit_lsn, self._ordinal))
            self._ordinal += ORDINALS_PER_CHANGE * (beyond - first)

    def _take_noted(self, memory: Memory, frames: Frames) -> None:
        if not self._runs:
            return
        rows = _numbered(frames, self._runs)
        self._runs.clear()
        oids = memory.oids(rows.starts)
        if (oids == oids[0]).all():
            self._take_rows(memory, int(oids[0]), rows)
            return
        order = np.argsort(oids, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(oids[order])) + 1):
            self._take_rows(memory, int(oids[part[0]]), rows.only(part))

    def _take_rows(self, memory: Memory, oid: int, rows: Rows) -> None:
        """Rows of one table; none where it is not flowing or already has them."""
        route = self._routes.get(oid)
        table = route.table if route else self._known_table(oid, _row_id(rows, 0))
        if table is None or not table.is_flowing:
            return
        rows = _later_than(_known_version(table), rows)
        if not len(rows):
            return
        route = route or self._open_route(table, self._relation(oid), _row_id(rows, 0))
        if route is None:
            return
        is_done = self._take_encoded(memory, route, rows)
        for index in np.flatnonzero(~is_done).tolist():
            message = memory.text(int(rows.starts[index]), int(rows.ends[index]))
            change = decode(message)
            if isinstance(change, Change):
                self.take_change(route, change, _row_id(rows, index))

    def _take_encoded(self, memory: Memory, route: Route, rows: Rows) -> Flags:
        reading = memory.read(rows, len(route.layout.columns), route.key)
        if reading.may_move or self.has_moved_rows(int(rows.commit_lsns[0])):
            # A key that changes hands: then the order of deletions matters.
            reading.leave_old_rows()
        is_good = reading.is_good
        encoded = rows if is_good.all() else rows.only(is_good)
        if not len(encoded):
            return is_good
        has_full_deletion = memory.has_full_deletion(encoded)
        reading.encode()
        last = _row_id(encoded, -1)
        step = self.take_piece(
            route,
            memory.pieces(encoded),
            len(encoded),
            _row_id(encoded, 0),
            RowId(last.commit_lsn, last.ordinal + 1),
        )
        step.has_full_deletion |= has_full_deletion
        return is_good

    def _relation(self, oid: int) -> Relation:
        if oid not in self._relations:
            raise CaptureStopped(f"PostgreSQL sent rows of table {oid} without naming its form.")
        return self._relations[oid]

    def _known_table(self, oid: int, row_id: RowId) -> CapturedTable | None:
        found = self._registry.find(oid)
        return found or self._registry.adopt(self._relation(oid), row_id.commit_lsn)

    def _open_route(self, table: CapturedTable, relation: Relation, row_id: RowId) -> Route | None:
        change = self._registry.follow(table, relation)
        layout = table.coming_layout
        if isinstance(change, CannotFollow):
            return None
        if change is not None:
            layout = table.announced = change.layout
            self.batch.steps.append(LayoutStep(table, change, row_id))
        route = Route(table, layout, layout.key_positions)
        self._routes[relation.oid] = route
        return route

    def _close_route(self, oid: int) -> None:
        self._routes.pop(oid, None)


def _numbered(frames: Frames, runs: list[tuple[int, int, int, int]]) -> Rows:
    """The rows of these runs with their places in the log."""
    table = np.array(runs, dtype=np.uint64)
    counts = (table[:, 1] - table[:, 0]).astype(np.int64)
    total = int(counts.sum())
    if total == runs[-1][1] - runs[0][0]:
        starts, ends = (
            frames.starts[runs[0][0] : runs[-1][1]],
            frames.ends[runs[0][0] : runs[-1][1]],
        )
    else:
        before = np.cumsum(counts) - counts
        places = np.arange(total) + np.repeat(table[:, 0].astype(np.int64) - before, counts)
        starts, ends = frames.starts[places], frames.ends[places]
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    ordinals = np.repeat(table[:, 3], counts) + (within * ORDINALS_PER_CHANGE).astype(np.uint64)
    return Rows(starts, ends, np.repeat(table[:, 2], counts), ordinals)


def _known_version(table: CapturedTable) -> int:
    """Up to where the log is stored, or was read from the table itself: a form that the table
    has at a position is the form of what was written after it."""
    return max(table.stored_version, table.layout_version - 1)


def _later_than(stored_version: int, rows: Rows) -> Rows:
    """Rows that are not stored yet: a message's rows are stored together, so its first row
    stands for all."""
    if version(*_row_id(rows, 0)) > stored_version:
        return rows
    lsn, ordinal = np.uint64(stored_version >> 64), np.uint64(stored_version & _LOW_HALF)
    is_later = rows.commit_lsns > lsn
    is_later |= (rows.commit_lsns == lsn) & (rows.ordinals > ordinal)
    return rows.only(is_later)


def _row_id(rows: Rows, index: int) -> RowId:
    return RowId(int(rows.commit_lsns[index]), int(rows.ordinals[index]))


def _frames_in(transaction: OpenTransaction) -> Iterator[Frames]:
    """What was kept, framed anew; frames may lie across pieces."""
    rest = b""
    for piece in transaction.pieces():
        data = bytearray().join((rest, piece, bytes(PADDING)))
        limit = len(data) - PADDING
        starts, end = find_frames(data, 0, limit)
        rest = bytes(data[end:limit])
        if starts:
            frames = frames_between(data, starts, end)
            is_log = np.frombuffer(data, np.uint8)[frames.starts + FRAME_HEADER] == _LOG_DATA
            yield Frames(data, frames.starts[is_log], frames.ends[is_log])
    if rest:
        raise CaptureStopped("A streamed transaction ends within a message.")
