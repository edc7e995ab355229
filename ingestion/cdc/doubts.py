"""Tables whose stored values may not be the source's any more: compared beside the capture.

Belongs here: an ALTER that writes every row of a table anew may have done so by an expression of
its own (`TYPE bigint USING n * 2`), and neither log nor catalogue tells. Its column is altered in
place, and then the whole table is compared at one place of the log, without holding anything up.
What becomes of a table that differs belongs to `table_life`.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ingestion.cdc.apply import first_line
from ingestion.cdc.halt import Halt
from ingestion.cdc.state import CapturedTable
from stores.clickhouse.client import Error as ClickHouseError
from stores.errors import PlatformError
from stores.postgres.client import Error as PostgresError

logger = logging.getLogger(__name__)

# After so many comparisons that could not be made, the table is read anew instead.
MOST_ATTEMPTS = 5
# A question that ClickHouse is answering cannot be taken back; nothing is done after its answer.
CLOSE_SECONDS, _CLOSE_ROUND_SECONDS = 10.0, 0.2


@dataclass
class _Comparison:
    table: CapturedTable
    generation: int
    thread: threading.Thread
    halt: Halt = field(default_factory=Halt)
    is_equal: bool | None = None


class Doubts:
    """One comparison at a time, in a thread that nobody waits for."""

    def __init__(self, compare: Callable[[str, Halt], bool]) -> None:
        self._compare = compare
        self._running: _Comparison | None = None
        self._attempts: dict[int, int] = {}

    def settle(self, tables: list[CapturedTable]) -> tuple[CapturedTable, bool] | None:
        """A table whose comparison is over and whether it is equal; begins the next one."""
        running = self._running
        if running is None:
            doubtful = (it for it in tables if it.is_doubtful and it.state == "streaming")
            if table := next(doubtful, None):
                self._begin(table)
            return None
        if running.thread.is_alive():
            return None
        self._running = None
        table = running.table
        if table.generation != running.generation:
            return None
        if running.is_equal is None:
            attempts = self._attempts.get(table.oid, 0) + 1
            self._attempts[table.oid] = attempts
            if attempts < MOST_ATTEMPTS:
                return None
        self._attempts.pop(table.oid, None)
        return table, bool(running.is_equal)

    def close(self) -> None:
        """End the comparison under way: it holds connections and a slot of the source."""
        running, deadline = self._running, time.monotonic() + CLOSE_SECONDS
        while running and running.thread.is_alive() and time.monotonic() < deadline:
            running.halt.ask()
            running.thread.join(_CLOSE_ROUND_SECONDS)

    def _begin(self, table: CapturedTable) -> None:
        thread = threading.Thread(target=self._run, name="cdc-doubt", daemon=True)
        self._running = _Comparison(table, table.generation, thread)
        logger.info("table %s is compared with its source, after an ALTER", table.target)
        thread.start()

    def _run(self) -> None:
        running = self._running
        if running is None:
            return
        try:
            running.is_equal = self._compare(running.table.target, running.halt)
        except (PlatformError, PostgresError, ClickHouseError) as error:
            logger.warning(
                "table %s could not be compared: %s", running.table.target, first_line(error)
            )
