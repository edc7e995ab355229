"""Reads the rows from before the log begins, block range by block range, beside the stream.

Belongs here: the order of chunks, their stamps and their progress. Each chunk is a transaction of
its own: nothing pins the source for long, and a restart goes on with the next chunk.

Why chunks read at different times are right: every row is stamped with a position at or before
the first change the stream will write. Whatever a chunk saw too late, the stream writes too, with
a higher version. A row that moved between blocks was updated, so the stream has it.
"""

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from ingestion.cdc.apply import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, first_line, quarantine
from ingestion.cdc.catalog import published_table
from ingestion.cdc.layout import insert_snapshot, log_database
from ingestion.cdc.positions import format_lsn, version
from ingestion.cdc.source import SourceDatabase, table_name
from ingestion.cdc.state import CapturedTable, Source, StateStore
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import Error as ClickHouseError
from stores.errors import TransientError
from stores.postgres.client import Error as PostgresError

logger = logging.getLogger(__name__)

# 32 MiB of heap: seconds of work to lose, and few enough inserts.
CHUNK_BLOCKS = 4096
ATTEMPTS_PER_CHUNK = 8
_WAIT_SECONDS = 0.05


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
        self._failure: BaseException | None = None
        self._stop_asked = threading.Event()
        self.work_added = threading.Event()

    def run(self) -> None:
        """Until told to stop."""
        try:
            self._work()
        except BaseException as error:
            self._failure = error

    def check(self) -> None:
        """Raise what has ended the thread, if anything has."""
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while not self._stop_asked.is_set():
            table = next((table for table in self._tables() if table.is_snapshotting), None)
            if table is None:
                self.work_added.wait(1.0)
                self.work_added.clear()
            else:
                self._take(table)

    def stop(self) -> None:
        """Finish the chunk under way and end."""
        self._stop_asked.set()
        self.work_added.set()

    def _take(self, table: CapturedTable) -> None:
        """The whole rest of one table. What keeps failing puts it aside."""
        pause, failures = FIRST_PAUSE_SECONDS, 0
        self._wait_for_older_transactions(table)
        while table.is_snapshotting and not self._stop_asked.is_set():
            try:
                self._chunk(table)
            except (TransientError, ClickHouseError, PostgresError) as error:
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
        snapshot must see it; whoever committed just before the stream began must be visible."""
        try:
            newest = self._database.newest_transaction()
            while self._database.has_transaction_before(newest):
                if self._stop_asked.wait(_WAIT_SECONDS):
                    return
        except TransientError as error:
            logger.warning("snapshot of %s waits: %s", table.target, first_line(error))
            self._stop_asked.wait(FIRST_PAUSE_SECONDS)
            self._wait_for_older_transactions(table)

    def _chunk(self, table: CapturedTable) -> None:
        name = table_name(table.source_schema, table.source_name)
        if table.snapshot_next_block >= table.snapshot_block_count:
            self._finish(table)
            return
        generation = table.generation
        with self._database.reading(name) as file_node:
            if file_node != table.file_node:
                self._restart(table)
                return
            first = table.snapshot_next_block
            last = min(first + CHUNK_BLOCKS, table.snapshot_block_count)
            copied = self._database.copy_blocks(
                name, table.layout.names, self._row_filter(table), first, last
            )
            rows = _Counted(copied)
            # A COPY left in the middle would make the end of its transaction wait for ever.
            with closing(copied):
                self._send(table, rows)
        if table.generation != generation:
            return
        table.snapshot_next_block = last
        table.snapshot_row_count += rows.row_count
        self._state.save(table)
        logger.info(
            "snapshot of %s: %d of %d blocks, %d rows",
            table.target,
            last,
            table.snapshot_block_count,
            table.snapshot_row_count,
        )

    def _send(self, table: CapturedTable, rows: "_Counted") -> None:
        statement = insert_snapshot(
            log_database(self._source.target_database),
            table.storage,
            table.layout,
            version(table.snapshot_lsn, 0),
        )
        pieces = iter(rows)
        first = next(pieces, None)
        if first is None:
            return
        self._client.raw_insert("", insert_block=_body(statement, first, pieces))

    def _finish(self, table: CapturedTable) -> None:
        """From here on only the stream is missing, up to this position."""
        table.snapshot_end_lsn = self._database.current_lsn()
        self._state.save(table)
        logger.info(
            "snapshot of %s read: %d rows, complete at %s",
            table.target,
            table.snapshot_row_count,
            format_lsn(table.snapshot_end_lsn),
        )

    def _restart(self, table: CapturedTable) -> None:
        """The table was rewritten: its rows are in other blocks now."""
        now = published_table(self._database.connection, self._source.publication, table.oid)
        if now is None:
            quarantine(table, "it left the publication during its snapshot", self._state)
            return
        table.file_node, table.snapshot_block_count = now.file_node, now.block_count
        table.snapshot_next_block = 0
        self._state.save(table)
        logger.info("snapshot of %s starts over: the table was rewritten", table.target)

    def _row_filter(self, table: CapturedTable) -> str | None:
        rows = self._database.connection.execute(
            "SELECT rowfilter FROM pg_publication_tables"
            " WHERE pubname = %s AND schemaname = %s AND tablename = %s",
            [self._source.publication, table.source_schema, table.source_name],
        ).fetchone()
        return str(rows[0]) if rows and rows[0] else None


class _Counted:
    """Passes pieces of COPY's text on and counts the rows: it never splits one."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.row_count = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.row_count += piece.count(b"\n")
            yield piece


def _body(statement: str, first: bytes, rest: Iterator[bytes]) -> Generator[bytes, None, None]:
    yield statement.encode() + b"\n"
    yield first
    yield from rest


def _counts_against(error: Exception) -> int:
    """A store that does not answer is not the table's fault; ClickHouse then gives no code."""
    if isinstance(error, TransientError):
        return 0
    return int(isinstance(error, PostgresError) or getattr(error, "code", None) is not None)
