"""Writes a batch: every table's rows, then the manifest. Only then may PostgreSQL forget.

Belongs here: the order of writes, what is repeated and what puts a table aside. A passing failure
is repeated until it passes or capture is told to stop; a table that ClickHouse refuses is
quarantined with the reason, and the others go on.
"""

import logging
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from ingestion.cdc.batch import Batch, LayoutStep, RowsStep, Step, TruncateStep
from ingestion.cdc.layout import (
    ONE_PART,
    Layout,
    codec_of_column,
    insert_changes,
    insert_tombstones,
    log_database,
    qualified,
    quote,
    stored_type,
)
from ingestion.cdc.positions import format_lsn, version
from ingestion.cdc.rows import read_rows
from ingestion.cdc.source import TableLocked
from ingestion.cdc.state import CapturedTable, Manifest, Source, StateStore
from ingestion.cdc.unchanged import ValueFinder
from stores.clickhouse.client import ClickHouseClient, Error
from stores.errors import TransientError

logger = logging.getLogger(__name__)

# Tables written at once.
WRITERS = 4
# Small rows are sent together.
PIECE_BYTES = 256 << 10
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 15.0
LOCK_PATIENCE_SECONDS = 10.0
ALTER_PATIENCE_SECONDS = 60.0
NULL_WHERE_NONE_IS_ALLOWED = 349
# Codes that a repeat cannot cure, because they are about the data or the form of one table:
# unknown identifiers, tables and columns, unparsable texts, type mismatches, illegal ALTERs.
REFUSALS = frozenset(
    {6, 10, 15, 16, 26, 27, 36, 38, 41, 43, 44, 47, 50, 53, 60, 62, 69, 70, 72, 131, 321, 349,
     376, 407, 524}
)  # fmt: skip


# A text that ends too early, or a body that was cut off on its way.
ENDED_EARLY = 32


class StopAsked(Exception):
    """Capture was told to stop while a failing write was being repeated."""


class Applier:
    """Writes batches, one at a time, in order."""

    def __init__(
        self,
        client: ClickHouseClient,
        state: StateStore,
        *,
        source: Source,
        finder: ValueFinder,
        stop: threading.Event,
    ) -> None:
        """`client` has no session: it serves all tables that are written at once."""
        self._client = client
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="cdc-table")
        self._finding = threading.Lock()
        self._state = state
        self._source = source
        self._database = log_database(source.target_database)
        self._finder = finder
        self._stop = stop

    def apply(self, batch: Batch) -> None:
        """Store the batch. Raises StopAsked if told to stop while ClickHouse refuses."""
        counts = self._write_tables(_by_table(batch.steps))
        manifest = Manifest(
            self._source.slot,
            self._source.source_id,
            batch.start_lsn,
            batch.end_lsn,
            batch.last_commit_at,
            batch.transaction_count,
            dict(counts),
            f"{self._source.source_id}:{batch.start_lsn}:{batch.end_lsn}:{batch.row_count}",
        )
        self._persist("manifest", lambda: self._state.save_manifest(manifest))
        if batch.row_count:
            logger.info(
                "batch applied: rows=%d tables=%d transactions=%d bytes=%d end_lsn=%s",
                batch.row_count,
                len(counts),
                batch.transaction_count,
                batch.byte_count,
                format_lsn(batch.end_lsn),
            )

    def close(self) -> None:
        """Wait for what is being written."""
        self._writers.shutdown(wait=True)

    def _write_tables(self, tables: list[list[Step]]) -> Counter[str]:
        """Each table's steps in order, tables side by side: most of an insert is waiting for
        the disk. Returns only when none is being written any more."""
        if len(tables) < 2:
            return sum((self._write_steps(steps) for steps in tables), Counter[str]())
        writing = [self._writers.submit(self._write_steps, steps) for steps in tables]
        wait(writing)
        return sum((written.result() for written in writing), Counter[str]())

    def _write_steps(self, steps: list[Step]) -> Counter[str]:
        counts: Counter[str] = Counter()
        for step in steps:
            if not step.table.is_written:
                continue
            try:
                self._persist(step.table.target, lambda step=step: self._take(step), step)  # type: ignore[misc]
            except TableLocked as error:
                read_anew(step.table, str(error), self._state)
                continue
            except Error as error:
                if isinstance(step, LayoutStep):
                    reason = f"ClickHouse refused the new form: {first_line(error)}"
                    read_anew(step.table, reason, self._state)
                else:
                    self._quarantine(step.table, error)
                continue
            counts[step.table.target] += step.row_count if isinstance(step, RowsStep) else 1
        return counts

    def _take(self, step: Step) -> None:
        if isinstance(step, RowsStep):
            self._insert(step)
        elif isinstance(step, TruncateStep):
            self._truncate(step)
        else:
            self._alter(step)

    def _insert(self, step: RowsStep) -> None:
        if step.has_partial:
            self._insert_in_parts(step)
        else:
            self._insert_whole(step)
        step.table.stored_version = version(*step.last)

    def _insert_in_parts(self, step: RowsStep) -> None:
        """One part after the other, as the log had them: all values that are found at once
        would fill the memory. A part is kept until it is stored, because a repetition has to
        send the same: where it may be stored already, its keys may by now give other values."""
        while True:
            if step.part is None:
                with self._finding:
                    step.part = self._finder.next_part(step)
            if step.part is None:
                return
            self._insert_whole(step.part)
            step.layout = step.part.layout
            step.table.stored_version = version(*step.part.last)
            step.part = None

    def _insert_whole(self, step: RowsStep) -> None:
        try:
            self._send(step, step.layout)
        except Error as error:
            if _code(error) != NULL_WHERE_NONE_IS_ALLOWED:
                raise
            self._send(step, self._loosen(step))

    def _send(self, step: RowsStep, layout: Layout) -> None:
        """One insert is one block and so one part: all of it is stored or nothing."""
        statement = insert_changes(
            self._database,
            step.table.storage,
            layout,
            blanks_deletions=step.has_full_deletion,
        )
        first, last = version(*step.first), version(*step.last)
        # The driver asks for no more than to go through it, anew where it sends it again.
        body: Any = _Body(statement, step)
        self._client.raw_insert(
            "",
            insert_block=body,
            settings={
                **ONE_PART,
                "insert_deduplication_token": f"{step.table.storage}:{first}:{last}",
            },
        )

    def _loosen(self, step: RowsStep) -> Layout:
        """NULLs from before the column became NOT NULL at the source: the log is older than
        the catalogue the form was read from."""
        table = step.table
        found: set[int] = set()
        for piece in step.rows:
            rows = read_rows(piece, len(step.layout.columns)) if isinstance(piece, bytes) else ()
            for row in rows:
                if not row.is_deleted:
                    found |= {index for index, value in enumerate(row.values) if value is None}
        columns = list(step.layout.columns)
        for index in sorted(found):
            column = columns[index]
            if column.is_nullable or not codec_of_column(column).can_be_nullable:
                continue
            columns[index] = replace(column, is_nullable=True)
            self._client.command(
                f"ALTER TABLE {qualified(self._database, table.storage)} MODIFY COLUMN"
                f" {quote(column.name)} {stored_type(columns[index])}"
            )
        step.layout = Layout(tuple(columns), step.layout.key)
        table.layout = step.layout
        self._state.save(table)
        return step.layout

    def _truncate(self, step: TruncateStep) -> None:
        number = version(*step.row_id)
        self._client.command(
            insert_tombstones(self._database, step.table.storage, step.table.layout, number)
        )
        step.table.stored_version = max(step.table.stored_version, number)

    def _alter(self, step: LayoutStep) -> None:
        for statement in step.change.statements:
            self._client.command(statement, settings={"mutations_sync": 2, "alter_sync": 2})
        step.table.layout = step.change.layout
        step.table.source_form = step.change.source_form or step.table.source_form
        step.table.is_doubtful = step.table.is_doubtful or step.change.is_doubtful
        step.table.layout_version = version(*step.row_id)
        self._state.save(step.table)
        logger.info("table %s took its new form", step.table.target)

    def _quarantine(self, table: CapturedTable, error: Error) -> None:
        quarantine(table, f"ClickHouse refused it: {first_line(error)}", self._state)

    def _persist(self, what: str, action: Callable[[], None], step: Step | None = None) -> None:
        pause, started = FIRST_PAUSE_SECONDS, time.monotonic()
        while True:
            try:
                action()
            except (Error, TransientError) as error:
                if isinstance(error, Error) and _is_refusal(error):
                    raise
                if time.monotonic() - started > _patience_seconds(error, step):
                    raise
                logger.warning(
                    "%s: write failed, next try in %.1f s: %s", what, pause, first_line(error)
                )
                if self._stop.wait(pause):
                    raise StopAsked from error
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                return


def quarantine(table: CapturedTable, reason: str, state: StateStore) -> None:
    """Put a table aside: its changes are not written until it is resynchronised."""
    reason = f"{reason}. Way out: interview-data cdc resync {table.target}"
    with state.lock:
        # Kept before its rows are left out: a crash between the two would lose them.
        kept = replace(table, state="quarantined", reason=reason)
        state.save(kept)
        table.state, table.reason, table.revision = kept.state, kept.reason, kept.revision
    logger.error("table %s is quarantined: %s", table.target, table.reason)


def read_anew(table: CapturedTable, reason: str, state: StateStore) -> None:
    """Put a table aside until it can be read anew, which is noted before anything else is."""
    if not table.is_unpublished:
        table.state = "resyncing"
    table.is_waiting, table.reason = True, reason
    table.restart_count += 1
    state.save(table)
    logger.warning("table %s is to be read anew: %s", table.target, reason)


def _patience_seconds(error: Exception, step: Step | None) -> float:
    """How long one table's trouble may hold back the others before it is put aside."""
    if isinstance(error, TableLocked):
        return LOCK_PATIENCE_SECONDS
    if isinstance(step, LayoutStep) and _code(error) is not None:
        return ALTER_PATIENCE_SECONDS
    return math.inf


def _by_table(steps: list[Step]) -> list[list[Step]]:
    found: dict[int, list[Step]] = {}
    for step in steps:
        found.setdefault(step.table.oid, []).append(step)
    return list(found.values())


class _Body:
    """An insert's bytes, piece by piece, as often as they are asked for: joined they would take
    the memory of another batch."""

    def __init__(self, statement: str, step: RowsStep) -> None:
        self._statement = statement
        self._rows = step.rows

    def __iter__(self) -> Iterator[bytes]:
        pieces, size = [self._statement.encode(), b"\n"], 0
        for row in self._rows:
            if isinstance(row, bytes):
                pieces.append(row)
                size += len(row)
            if size >= PIECE_BYTES:
                yield b"".join(pieces)
                pieces, size = [], 0
        yield b"".join(pieces)


def first_line(error: Exception) -> str:
    """An error's first line, shortened; what it quotes may be somebody's data."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"'[^']*'", "'…'", line)[:300]


def _is_refusal(error: Error) -> bool:
    code = _code(error)
    return code in REFUSALS or (code == ENDED_EARLY and "Cannot parse" in str(error))


def _code(error: Exception) -> int | None:
    code: int | None = getattr(error, "code", None)
    return code
