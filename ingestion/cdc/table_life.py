"""What becomes of captured tables between batches: wishes, finished snapshots, the publication.

Belongs here: what is done at a moment when nothing is being written, so that no row is on its way
to a storage that changes its name. How one table is read anew or shown belongs to `registry`.
"""

import time
from collections.abc import Callable

from ingestion.cdc.registry import Tables
from ingestion.cdc.state import StateStore

LOOK_SECONDS = 2.0


class TableLife:
    """Call `turn` whenever nothing is being written, before the next batch is sealed."""

    def __init__(
        self,
        tables: Tables,
        state: StateStore,
        *,
        forget: Callable[[int], None],
        wake_snapshots: Callable[[], None],
    ) -> None:
        self._tables = tables
        self._state = state
        # What is open for a table that is read anew was committed before its rows are read.
        self._forget = forget
        self._wake_snapshots = wake_snapshots
        self._last_look = 0.0

    def turn(self, applied_lsn: int) -> None:
        """Show what is complete; every now and then look for wishes and at the publication.

        `applied_lsn`: up to where everything is stored.
        """
        for table in self._tables.all():
            is_read = table.is_unpublished and table.snapshot_end_lsn
            if is_read and applied_lsn >= table.snapshot_end_lsn:
                self._tables.publish(table)
        now = time.monotonic()
        if now - self._last_look < LOOK_SECONDS:
            return
        self._last_look = now
        self.take_requests(applied_lsn)
        if self._tables.compare_with_publication(applied_lsn):
            self._wake_snapshots()

    def take_requests(self, applied_lsn: int) -> None:
        """Do what people have asked for."""
        for request in self._state.requests():
            is_all = request.target == "*"
            for table in self._tables.all():
                if table.state != "removed" and (is_all or table.target == request.target):
                    self._tables.resync(table, applied_lsn)
                    self._forget(table.oid)
            self._state.save_request(request, is_handled=True)
            self._wake_snapshots()
