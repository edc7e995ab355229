"""One session of capture: from the lock to the last confirmation.

Belongs here: the loop that reads, batches, has written and confirms, and what it checks before it
begins. How a session is repeated after a failure, and for how long, belongs to `run`.

Two threads besides: one writes the sealed batch while this one goes on reading and answering
PostgreSQL; one reads snapshots.
"""

import logging
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingestion.cdc.apply import Applier
from ingestion.cdc.assembler import Assembler
from ingestion.cdc.batch import Batch, LayoutStep
from ingestion.cdc.doubts import Doubts
from ingestion.cdc.halt import Halt
from ingestion.cdc.layout import log_database
from ingestion.cdc.positions import format_lsn
from ingestion.cdc.registry import Tables
from ingestion.cdc.snapshot import Snapshotter
from ingestion.cdc.source import Slot, SlotBusy, SourceDatabase
from ingestion.cdc.spill import OpenTransactions
from ingestion.cdc.state import Source, StateStore
from ingestion.cdc.table_life import TableLife
from ingestion.cdc.treatments import ColumnTreatment
from ingestion.cdc.unchanged import ValueFinder
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import CaptureStopped, StateConflict, StoreUnavailable
from stores.postgres.replication import ReplicationConnection

logger = logging.getLogger(__name__)

# A batch this large waits for its turn, and reading waits with it: memory stays bounded.
MAX_BATCH_BYTES = 16 << 20
MAX_BATCH_ROWS = 200_000
IDLE_POLL_SECONDS = 0.5
BUSY_POLL_SECONDS = 0.01
SNAPSHOT_POLL_SECONDS = 0.05
IDLE_PROGRESS_SECONDS = 1.0
SLOT_WAIT_SECONDS = 10.0
READER_LOCK_WAIT_MILLISECONDS = 1000
COMPARE_SECONDS = 600.0
STRAGGLER_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    """What is captured, and into what."""

    source_url: str
    clickhouse_url: str
    publication: str
    slot: str
    target_database: str = "oltp"
    # Where large open transactions wait for their end; a temporary folder if not given.
    spill_folder: Path | None = None
    # Columns of the source that are left out or hashed.
    columns: tuple[ColumnTreatment, ...] = ()


class Session:
    """Everything open between one start and one end. Raises what ends it."""

    def __init__(self, options: Options, stop: threading.Event) -> None:
        self._options = options
        self._stop = stop
        self._database = SourceDatabase(options.source_url)
        self._reader = SourceDatabase(options.source_url)
        self._snapshot_database = SourceDatabase(options.source_url)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="cdc-apply")
        # One client for all threads: without a session its requests are apart. Signing in takes
        # as long as all questions of an opening, so it is done once, and beside the checks.
        self._signing_in = self._writer.submit(connect_clickhouse, options.clickhouse_url)
        self._stream: ReplicationConnection | None = None
        self._snapshotter: Snapshotter | None = None
        self._open_transactions: OpenTransactions | None = None
        self._applier: Applier | None = None
        self._doubts = Doubts(self._is_equal)
        self._writing: Future[None] | None = None
        self._written: Batch | None = None
        self._last_progress = 0.0
        self.applied_lsn = 0

    def open(self) -> None:
        """Lock, check that nothing is missing, make the slot if there is none, start reading."""
        options = self._options
        self._database.check(options.publication)
        self._database.lock(options.slot)
        client = self._client = self._signing_in.result()
        self._state = StateStore(client, options.slot)
        self._state.prepare()
        self._wait_for_stragglers()
        self._source = self._agree_on_source()
        self.applied_lsn = self._state.applied_lsn(self._source)
        self._check_positions(self._database.slot(options.slot))
        self.tables = Tables(
            self._database,
            client,
            self._state,
            self._source,
            options.columns,
        )
        self.tables.load(self.applied_lsn)
        self._open_transactions = OpenTransactions(self._spill_folder())
        self._assembler = Assembler(self.tables, self.applied_lsn, self._open_transactions)
        self._life = TableLife(
            self.tables,
            self._state,
            forget=self._assembler.forget,
            wake_snapshots=self._wake_snapshotter,
            announce=self._assembler.announce,
            doubts=self._doubts,
        )
        self._life.take_requests()
        self._reader.limit_lock_waits(READER_LOCK_WAIT_MILLISECONDS)
        finder = ValueFinder(client, log_database(options.target_database), self._reader)
        self._applier = Applier(
            client,
            self._state,
            source=self._source,
            finder=finder,
            stop=self._stop,
        )
        self._stream = ReplicationConnection(options.source_url)
        self._start_streaming(self._stream)
        self._snapshotter = Snapshotter(
            self._snapshot_database,
            client,
            self._state,
            source=self._source,
            tables=self.tables.all,
        )
        self._snapshotter.start()
        logger.info("capture of slot %s goes on at %s", options.slot, format_lsn(self.applied_lsn))

    def close(self) -> None:
        """Let go of everything, in the order that loses nothing."""
        self._doubts.close()
        if self._snapshotter is not None:
            self._snapshotter.stop()
            self._snapshotter.join(timeout=STRAGGLER_WAIT_SECONDS)
        self._writer.shutdown(wait=True)
        if self._applier is not None:
            self._applier.close()
        if self._stream is not None:
            self._stream.close()
        if self._open_transactions is not None:
            self._open_transactions.close()
        for database in (self._snapshot_database, self._reader, self._database):
            database.close()

    def step(self) -> None:
        """One round: read, hand over what is ready, confirm what is written."""
        stream = self._open_stream()
        if self._has_room():
            if self._assembler.is_replaying:
                self._assembler.resume()
                stream.keep_alive()
            else:
                stream.poll(self._poll_seconds(), self._assembler.take)
        else:
            self._wait_for_writer()
            stream.keep_alive()
        self._collect(stream)
        if self._snapshotter is not None:
            self._snapshotter.check()
        if self._writing is None:
            self._life.turn(self.applied_lsn)
            self._hand_over(stream)

    def finish(self) -> None:
        """Write and confirm what was read whole; for a stop that was asked for."""
        stream = self._open_stream()
        deadline = time.monotonic() + STRAGGLER_WAIT_SECONDS
        while self._writing is not None and time.monotonic() < deadline:
            self._wait_for_writer()
            stream.keep_alive()
            self._collect(stream)

    def is_drained(self, lsn: int) -> bool:
        """Whether everything up to `lsn` is stored and every snapshot is shown to readers."""
        if self.applied_lsn < lsn:
            return False
        is_unread = any(it.is_unpublished or it.is_doubtful for it in self.tables.all())
        return self._life.is_settled and not is_unread

    def current_lsn(self) -> int:
        """Where the source is now."""
        return self._database.current_lsn()

    def _open_stream(self) -> ReplicationConnection:
        if self._stream is None:
            raise StoreUnavailable("the replication stream is not open")
        return self._stream

    def _poll_seconds(self) -> float:
        """How long to wait for the log: what else is under way ends unseen by it."""
        if self._writing is not None or self._assembler.batch.row_count:
            return BUSY_POLL_SECONDS
        is_reading = any(table.is_unpublished for table in self.tables.all())
        return SNAPSHOT_POLL_SECONDS if is_reading else IDLE_POLL_SECONDS

    def _has_room(self) -> bool:
        batch = self._assembler.batch
        if self._writing is None:
            return True
        return batch.byte_count < MAX_BATCH_BYTES and batch.row_count < MAX_BATCH_ROWS

    def _wait_for_writer(self) -> None:
        if self._writing is not None:
            done = threading.Event()
            self._writing.add_done_callback(lambda _: done.set())
            done.wait(IDLE_POLL_SECONDS)

    def _collect(self, stream: ReplicationConnection) -> None:
        """Confirm a batch that is written."""
        if self._writing is None or self._written is None or not self._writing.done():
            return
        self._writing.result()
        batch, self._writing, self._written = self._written, None, None
        for step in batch.steps:
            if isinstance(step, LayoutStep) and step.table.state == "streaming":
                self.tables.refresh_view(step.table)
        self.applied_lsn = max(self.applied_lsn, batch.end_lsn)
        stream.confirm(self.applied_lsn)

    def _hand_over(self, stream: ReplicationConnection) -> None:
        batch = self._assembler.batch
        is_full = batch.byte_count >= MAX_BATCH_BYTES or batch.row_count >= MAX_BATCH_ROWS
        if batch.row_count and (is_full or not self._assembler.in_transaction):
            self._write(self._assembler.seal())
        elif not batch.row_count and not self._assembler.in_transaction:
            self._note_idle_progress(stream)

    def _note_idle_progress(self, stream: ReplicationConnection) -> None:
        """Nothing of ours is pending, but the log moved: say so, or it is kept for us in vain."""
        now = time.monotonic()
        reached = max(stream.sent_lsn, self._assembler.batch.end_lsn)
        if reached <= self.applied_lsn or now - self._last_progress < IDLE_PROGRESS_SECONDS:
            return
        self._last_progress = now
        batch = self._assembler.seal()
        batch.end_lsn = self._assembler.batch.start_lsn = self._assembler.batch.end_lsn = reached
        self._write(batch)

    def _write(self, batch: Batch) -> None:
        if self._applier is None:
            raise StoreUnavailable("CLICKHOUSE_URL: the session is not open")
        self._written = batch
        self._writing = self._writer.submit(self._applier.apply, batch)

    def _is_equal(self, target: str, halt: Halt) -> bool:
        from ingestion.cdc.verify import verify  # itself waits for a capture

        found = verify(self._options, COMPARE_SECONDS, [target], halt)
        if not found:
            raise StoreUnavailable(f"table {target} does not stream now")
        for table in found:
            if table.problem:
                raise StoreUnavailable(table.problem)
        return all(table.is_equal for table in found)

    def _wake_snapshotter(self) -> None:
        if self._snapshotter is not None:
            self._snapshotter.work_added.set()

    def _spill_folder(self) -> Path | None:
        """A folder of this slot's own: what a killed predecessor left there is removed."""
        folder = self._options.spill_folder
        name = f"{self._source.slot}-{self._source.system_identifier}"
        return folder / name if folder else None

    def _start_streaming(self, stream: ReplicationConnection) -> None:
        """A killed predecessor's connection may take a moment to be noticed as dead."""
        deadline = time.monotonic() + SLOT_WAIT_SECONDS
        while True:
            try:
                stream.start(self._options.slot, self._options.publication, self.applied_lsn)
            except StateConflict as error:
                if time.monotonic() > deadline or self._stop.wait(0.2):
                    raise SlotBusy(str(error)) from error
            else:
                return

    def _wait_for_stragglers(self) -> None:
        """A killed predecessor's insert may still be running; what it stores must be seen."""
        log = log_database(self._options.target_database)
        deadline = time.monotonic() + STRAGGLER_WAIT_SECONDS
        while time.monotonic() < deadline:
            running = self._client.query(
                "SELECT count() FROM system.processes WHERE query_id != queryID()"
                " AND positionCaseInsensitive(query, {log:String}) > 0"
                " AND startsWith(upper(trimLeft(query)), 'INSERT')",
                parameters={"log": f"`{log}`"},
            ).result_rows[0][0]
            if not running or self._stop.wait(0.1):
                return

    def _agree_on_source(self) -> Source:
        """The source this slot belongs to. Raises CaptureStopped where it is another one now."""
        options, known = self._options, self._state.source()
        system, name = self._database.identity()
        slot = self._database.slot(options.slot)
        if known is not None and not self._wants_a_new_start():
            self._check_same(known, system, name, slot)
            return known
        if known is not None and slot is not None:
            self._database.drop_slot(options.slot)
            slot = None
        if slot is not None and (slot.plugin != "pgoutput" or slot.database != name):
            raise StateConflict(
                f"replication slot {slot.name} belongs to {slot.plugin} in database"
                f" {slot.database}; give capture a slot of its own (CAPTURE_SLOT)"
            )
        point = slot.confirmed_lsn if slot else self._database.create_slot(options.slot)
        source = Source(
            options.slot, options.publication, system, name, options.target_database,
            str(uuid.uuid4()), point, datetime.now(UTC),
        )  # fmt: skip
        self._state.save_source(source)
        return source

    def _wants_a_new_start(self) -> bool:
        """Somebody asked for everything to be read anew, which also forgives a lost slot."""
        return any(
            request.target == "*" and request.action == "resync"
            for request in self._state.requests()
        )

    def _check_same(self, known: Source, system: str, name: str, slot: Slot | None) -> None:
        way_out = "Way out, reading every table anew: interview-data cdc resync --all"
        if (known.system_identifier, known.source_database) != (system, name):
            raise CaptureStopped(
                f"slot {known.slot} was captured from another PostgreSQL cluster or database"
                f" than the one it is to be read from now. {way_out}"
            )
        if (known.publication, known.target_database) != (
            self._options.publication,
            self._options.target_database,
        ):
            raise StateConflict(
                f"slot {known.slot} captures publication {known.publication} into"
                f" {known.target_database}; give another capture another slot"
            )
        if slot is None or slot.wal_status == "lost":
            state = "does not exist any more" if slot is None else "was invalidated by PostgreSQL"
            at = format_lsn(self._state.applied_lsn(known))
            raise CaptureStopped(
                f"replication slot {known.slot} {state}: changes after {at} may be lost. {way_out}"
            )

    def _check_positions(self, slot: Slot | None) -> None:
        """The slot never runs ahead of what is stored, nor the store ahead of the log."""
        way_out = "Way out, reading every table anew: interview-data cdc resync --all"
        if slot is not None and slot.confirmed_lsn > self.applied_lsn:
            raise CaptureStopped(
                f"replication slot {slot.name} is at {format_lsn(slot.confirmed_lsn)}, but"
                f" ClickHouse holds changes only up to {format_lsn(self.applied_lsn)}: it was"
                f" restored to an earlier state, or the slot was made anew. {way_out}"
            )
        if self._database.current_lsn() < self.applied_lsn:
            raise CaptureStopped(
                f"the source's log ends before {format_lsn(self.applied_lsn)}, which ClickHouse"
                f" already holds: the source was restored to an earlier state. {way_out}"
            )
