"""Reads the rows from before the log begins, block range by block range, beside the stream.

Belongs here: the order of chunks, their stamps and their progress. Each chunk is a transaction of
its own: nothing pins the source for long, and a restart goes on with the next chunk.

Why chunks read at different times are right: every row is stamped with a position at or before
the first change the stream will write. Whatever a chunk saw too late, the stream writes too, with
a higher version. A row that moved between blocks was updated, so the stream has it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass

from ingestion.cdc.apply import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, first_line, quarantine
from ingestion.cdc.catalog import SourceLeaf, row_filter
from ingestion.cdc.layout import ONE_PART, Layout, insert_snapshot, log_database
from ingestion.cdc.positions import format_lsn, version
from ingestion.cdc.source import (
    INSUFFICIENT_PRIVILEGE,
    SourceDatabase,
    TableLocked,
    quote_source,
    table_name,
)
from ingestion.cdc.state import CapturedTable, Source, StateStore
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import Error as ClickHouseError
from stores.errors import TransientError
from stores.postgres.client import Error as PostgresError

logger = logging.getLogger(__name__)

# Seconds of work to lose, few enough inserts, and one block of ClickHouse's.
CHUNK_BYTES = 32 << 20
MAX_CHUNK_BLOCKS = 1 << 17
# A chunk that turns out larger, because its rows have larger values beside the heap than most,
# is left and read again in smaller ones.
MAX_SENT_BYTES = 8 * CHUNK_BYTES
# While ClickHouse sorts and writes one chunk, the next is read.
CHUNKS_AT_ONCE = 2
ATTEMPTS_PER_CHUNK = 8
# One locked table does not keep the others waiting.
LOCK_WAIT_MILLISECONDS = 1000
LOCK_PAUSE_SECONDS = 1.0
_UNDEFINED_COLUMN = "42703"
_WAIT_SECONDS = 0.05
_ONE_PART = {
    **ONE_PART,
    # A second thread that looks for the rows' ends costs more than it gains beside the COPY.
    "input_format_parallel_parsing": 0,
}


class ChunkTooLarge(Exception):
    """More came than ClickHouse should take in one block."""


@dataclass(frozen=True)
class Chunk:
    """Blocks `first` up to, not including, `last` of a table as it was when they were asked for.

    The blocks of a root of partitions are those of its leaves, one leaf after the other:
    `offset` is where the leaf that is read begins among them.
    """

    table: CapturedTable
    generation: int
    name: str
    file_node: int
    offset: int
    first: int
    last: int
    layout: Layout
    storage: str
    storage_mark: str
    snapshot_lsn: int

    @property
    def next_block(self) -> int:
        """Where the table's next chunk begins."""
        return self.offset + self.last


@dataclass(frozen=True)
class ChunkRead:
    """What came of it. `is_rewritten`: the table has other blocks now, nothing was read."""

    row_count: int
    is_rewritten: bool = False


class Snapshotter(threading.Thread):
    """Works through the tables whose snapshot is unfinished, then waits for more."""

    def __init__(
        self,
        database: SourceDatabase,
        client: ClickHouseClient,
        state: StateStore,
        *,
        source: Source,
        tables: Callable[[], list[CapturedTable]],
    ) -> None:
        super().__init__(name="cdc-snapshot", daemon=True)
        self._database = database
        self._client = client
        self._state = state
        self._source = source
        self._tables = tables
        # Shared by the workers: without a session, a client's requests are apart.
        self._workers = ThreadPoolExecutor(CHUNKS_AT_ONCE, thread_name_prefix="cdc-chunk")
        self._chunk_bytes = CHUNK_BYTES
        # Tables that another session held, and when they are tried again.
        self._later: dict[int, float] = {}
        self._failure: BaseException | None = None
        self._stop_asked = threading.Event()
        self.work_added = threading.Event()

    def run(self) -> None:
        """Until told to stop."""
        try:
            self._database.limit_lock_waits(LOCK_WAIT_MILLISECONDS)
            self._work()
        except BaseException as error:
            self._failure = error
        finally:
            self._workers.shutdown(wait=True)

    def check(self) -> None:
        """Raise what has ended the thread, if anything has."""
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while not self._stop_asked.is_set():
            table = next((table for table in self._tables() if self._may_take(table)), None)
            if table is None:
                self.work_added.wait(1.0)
                self.work_added.clear()
            else:
                self._take(table)

    def _may_take(self, table: CapturedTable) -> bool:
        is_later = time.monotonic() < self._later.get(table.oid, 0.0)
        return table.is_snapshotting and not is_later

    def stop(self) -> None:
        """Finish the chunk under way and end."""
        self._stop_asked.set()
        self.work_added.set()

    def _take(self, table: CapturedTable) -> None:
        """The whole rest of one table. What keeps failing puts it aside."""
        pause, failures, waited_for = FIRST_PAUSE_SECONDS, 0, -1
        self._chunk_bytes = CHUNK_BYTES
        while table.is_snapshotting and not self._stop_asked.is_set():
            try:
                if waited_for != table.generation:
                    waited_for = table.generation
                    self._wait_for_older_transactions(table)
                self._read(table)
            except TableLocked:
                logger.info("snapshot of %s waits: it is locked at the source", table.target)
                self._later[table.oid] = time.monotonic() + LOCK_PAUSE_SECONDS
                return
            except ChunkTooLarge:
                self._chunk_bytes = max(1, self._chunk_bytes // 8)
                logger.info("snapshot of %s goes on in smaller chunks", table.target)
            except (TransientError, ClickHouseError, PostgresError) as error:
                if waited_for != table.generation:
                    # It was begun anew meanwhile, perhaps for that very reason.
                    continue
                if getattr(error, "sqlstate", None) == _UNDEFINED_COLUMN:
                    table.restart_reason = "its columns changed while it was being read"
                    return
                if getattr(error, "sqlstate", None) == INSUFFICIENT_PRIVILEGE:
                    # Waiting grants nothing, and the other tables would wait too.
                    quarantine(table, _grants_missing(table), self._state)
                    return
                failures += _counts_against(error)
                logger.warning("snapshot of %s waits: %s", table.target, first_line(error))
                if failures >= ATTEMPTS_PER_CHUNK:
                    reason = f"its snapshot keeps failing: {first_line(error)}"
                    quarantine(table, reason, self._state)
                self._stop_asked.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                pause, failures = FIRST_PAUSE_SECONDS, 0

    def _wait_for_older_transactions(self, table: CapturedTable) -> None:
        """Whoever wrote to the table before it was published is not in the stream, so the
        snapshot must see it; whoever committed just before the stream began must be visible.
        Both hold a lock on it until they are. Transactions elsewhere are not waited for."""
        oids = [table.oid, *(leaf.oid for leaf in table.snapshot_leaves)]
        try:
            older = self._database.writers_of(oids)
            while older & self._database.writers_of(oids):
                if self._stop_asked.wait(_WAIT_SECONDS) or not table.is_snapshotting:
                    return
        except TransientError as error:
            logger.warning("snapshot of %s waits: %s", table.target, first_line(error))
            self._stop_asked.wait(FIRST_PAUSE_SECONDS)
            self._wait_for_older_transactions(table)

    def _read(self, table: CapturedTable) -> None:
        """All chunks that are left, the next one read while the last is being written. It is
        begun before the last is noted, which waits for a disk."""
        under_way: deque[tuple[Chunk, Future[ChunkRead]]] = deque()
        # Read anew meanwhile, the table is another one: nothing that was asked of the one before
        # may be noted of it.
        with self._state.lock:
            next_block, generation = table.snapshot_next_block, table.generation
        progress = _Progress(next_block)
        blocks_at_once = self._blocks_at_once(table)
        try:
            while table.generation == generation:
                has_more = next_block < table.snapshot_block_count
                if has_more and not self._stop_asked.is_set() and _has_room(under_way):
                    chunk = self._chunk(table, next_block, blocks_at_once)
                    under_way.append((chunk, self._workers.submit(self._copy, chunk)))
                    next_block = chunk.next_block
                elif under_way and not under_way[0][1].done():
                    wait([under_way[0][1]])
                elif under_way:
                    chunk, reading = under_way.popleft()
                    if not self._note(chunk, reading.result(), progress):
                        return
                else:
                    if not has_more:
                        self._finish(table, generation)
                    return
        finally:
            wait([reading for _, reading in under_way])

    def _blocks_at_once(self, table: CapturedTable) -> int:
        """Large values lie beside the heap: what a block brings with it counts too."""
        relations = table.snapshot_leaves or (_itself(table),)
        size = sum(self._database.table_bytes(each.schema, each.name) for each in relations)
        bytes_per_block = max(1, size // max(1, table.snapshot_block_count))
        return min(MAX_CHUNK_BLOCKS, max(1, self._chunk_bytes // bytes_per_block))

    def _chunk(self, table: CapturedTable, first: int, block_count: int) -> Chunk:
        """The one place that decides which relation's blocks are read, and into what."""
        with self._state.lock:
            relation, offset = _relation_at(table, first)
            return Chunk(
                table,
                table.generation,
                table_name(relation.schema, relation.name),
                relation.file_node,
                offset,
                first - offset,
                min(first - offset + block_count, relation.block_count),
                table.layout,
                table.storage,
                table.storage_mark,
                table.snapshot_lsn,
            )

    def _copy(self, chunk: Chunk) -> ChunkRead:
        """Read the chunk and insert it. The source is free again before ClickHouse has written
        it: its connection then serves the next chunk."""
        with ExitStack() as held:
            file_node = held.enter_context(self._database.reading(chunk.name))
            if file_node != chunk.file_node:
                return ChunkRead(0, is_rewritten=True)
            copied = self._database.copy_blocks(
                chunk.name,
                chunk.layout.stored_names,
                self._row_filter(chunk.table),
                chunk.first,
                chunk.last,
            )
            # A COPY left in the middle would make the end of its transaction wait for ever.
            held.enter_context(closing(copied))
            rows = _Counted(copied, limited=chunk.last - chunk.first > 1, then=held.close)
            pieces = iter(rows)
            first = next(pieces, None)
            if first is not None:
                self._send(chunk, _body(self._statement(chunk), first, pieces))
            return ChunkRead(rows.row_count)

    def _statement(self, chunk: Chunk) -> str:
        return insert_snapshot(
            log_database(self._source.target_database),
            chunk.storage,
            chunk.layout,
            version(chunk.snapshot_lsn, 0),
            storage_mark=chunk.storage_mark,
        )

    def _send(self, chunk: Chunk, body: Generator[bytes, None, None]) -> None:
        """The token makes a repeat change nothing. What a repeat may see besides, because it
        read later, is in the stream too."""
        token = f"{chunk.storage_mark}:{chunk.file_node}:{chunk.first}:{chunk.last}"
        self._client.raw_insert(
            "", insert_block=body, settings={**_ONE_PART, "insert_deduplication_token": token}
        )

    def _note(self, chunk: Chunk, read: ChunkRead, progress: "_Progress") -> bool:
        """Keep how far it is; False where what follows is not to be read."""
        table = chunk.table
        with self._state.lock:
            if table.generation != chunk.generation:
                return False
            if read.is_rewritten:
                self._restart(table)
                return False
            table.snapshot_next_block = chunk.next_block
            table.snapshot_row_count += read.row_count
            if chunk.next_block < table.snapshot_block_count:
                # The last one is noted with the end, which follows at once.
                self._state.save(table)
        logger.info(
            "snapshot of %s: %d of %d blocks, %d rows, about %.0f s left",
            table.target,
            chunk.next_block,
            table.snapshot_block_count,
            table.snapshot_row_count,
            progress.seconds_left(chunk.next_block, table.snapshot_block_count),
        )
        return True

    def _finish(self, table: CapturedTable, generation: int) -> None:
        """From here on only the stream is missing, up to this position."""
        end_lsn = self._database.current_lsn()
        with self._state.lock:
            if table.generation != generation:
                return
            table.snapshot_end_lsn = end_lsn
            self._state.save(table)
        logger.info(
            "snapshot of %s read: %d rows, complete at %s",
            table.target,
            table.snapshot_row_count,
            format_lsn(table.snapshot_end_lsn),
        )

    def _restart(self, table: CapturedTable) -> None:
        """The table was rewritten: its rows are in other blocks now, perhaps with other values."""
        table.restart_reason = "its rows were written anew while it was being read"

    def _row_filter(self, table: CapturedTable) -> str | None:
        with self._database.told_apart():
            connection = self._database.connection
            return row_filter(connection, self._source.publication, table.oid)


def _has_room(under_way: deque[tuple[Chunk, Future[ChunkRead]]]) -> bool:
    running = sum(not reading.done() for _, reading in under_way)
    return running < CHUNKS_AT_ONCE and len(under_way) <= CHUNKS_AT_ONCE


def _itself(table: CapturedTable) -> SourceLeaf:
    return SourceLeaf(
        table.oid,
        table.source_schema,
        table.source_name,
        table.file_node,
        table.snapshot_block_count,
    )


def _relation_at(table: CapturedTable, block: int) -> tuple[SourceLeaf, int]:
    """Which relation a table's block is in, and where that relation's blocks begin."""
    offset = 0
    for leaf in table.snapshot_leaves:
        if block < offset + leaf.block_count:
            return leaf, offset
        offset += leaf.block_count
    return _itself(table), 0


class _Progress:
    """Tells from the pace so far how long the rest will take."""

    def __init__(self, first_block: int) -> None:
        self._first_block = first_block
        self._started = time.monotonic()

    def seconds_left(self, done: int, of: int) -> float:
        """Seconds for the blocks from `done` to `of`."""
        read = max(1, done - self._first_block)
        return (time.monotonic() - self._started) / read * (of - done)


class _Counted:
    """Passes pieces of COPY's text on and counts the rows: it never splits one.

    `then` is called after the last piece, before whoever takes them does anything else.
    """

    def __init__(self, pieces: Iterator[bytes], *, limited: bool, then: Callable[[], None]) -> None:
        self._pieces = pieces
        self._limit = MAX_SENT_BYTES if limited else None
        self._then = then
        self.row_count = 0

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        for piece in self._pieces:
            self.row_count += piece.count(b"\n")
            sent += len(piece)
            if self._limit is not None and sent > self._limit:
                raise ChunkTooLarge
            yield piece
        self._then()


def _body(statement: str, first: bytes, rest: Iterator[bytes]) -> Generator[bytes, None, None]:
    yield statement.encode() + b"\n"
    yield first
    yield from rest


def _grants_missing(table: CapturedTable) -> str:
    schema = quote_source(table.source_schema)
    name = table_name(table.source_schema, table.source_name)
    return (
        "the role that captures may not read it; GRANT USAGE ON SCHEMA"
        f" {schema} and GRANT SELECT ON {name} to it"
    )


def _counts_against(error: Exception) -> int:
    """A store that does not answer is not the table's fault; ClickHouse then gives no code."""
    if isinstance(error, TransientError):
        return 0
    return int(isinstance(error, PostgresError) or getattr(error, "code", None) is not None)
