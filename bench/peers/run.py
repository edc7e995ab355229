"""One case through one peer: its database, its changes, and the verdict.

Belongs here: what every case needs. The cases themselves are in `cases`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.capture_stack import PUBLICATION, Stack, run_sql
from bench.peers.comparison import difference, source_columns, source_rows
from bench.peers.peer import Peer, PeerStopped, wait_for
from stores.postgres.client import Connection, connect

SETTLE_SECONDS = 10.0
# A marker may be shown a moment before the tables written with it.
RETRY_SECONDS = 2.0


class Wrong(Exception):
    """What a reader sees is not what the source holds, and nothing says so."""


@dataclass
class Run:
    """A case's hands."""

    stack: Stack
    peer: Peer
    source_url: str
    tables: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _marker: int = 0

    def table(self, definition: str) -> None:
        """Make a table and have it followed."""
        self.sql(f"CREATE TABLE {definition}")
        self.tables.append(definition.split(maxsplit=1)[0])

    def sql(self, *statements: str) -> None:
        """Each its own transaction."""
        with connect(self.source_url, autocommit=True) as connection:
            run_sql(connection, *statements)

    def transaction(self, *statements: str) -> None:
        """All of them one."""
        with connect(self.source_url) as connection:
            run_sql(connection, *statements)

    def begin(self, *, options: str = "", seconds: float = 60.0, is_awaited: bool = True) -> None:
        """Publish, start the peer, wait until it has read what is there."""
        self.sql("CREATE TABLE marker (id int PRIMARY KEY)", "INSERT INTO marker VALUES (0)")
        tables = [*self.tables, "marker"]
        self.sql(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {', '.join(tables)} {options}")
        self.peer.open(self.source_url, tables)
        self.peer.start()
        if is_awaited and not wait_for(lambda: self.peer.has_marker(0), seconds):
            raise Wrong(f"nothing arrives: {self.peer.complaint() or 'it says nothing'}")

    def settle(self, seconds: float = SETTLE_SECONDS) -> bool:
        """Whether it got to the present in time."""
        self._marker += 1
        self.sql(f"INSERT INTO marker VALUES ({self._marker})")
        return wait_for(lambda: self.peer.has_marker(self._marker), seconds)

    def compare(self, *tables: str, seconds: float = SETTLE_SECONDS) -> None:
        """Raises Wrong where any of these tables, or of all, differs."""
        is_settled = self.settle(seconds)
        found = [text for table in tables or self.tables if (text := self.differs(table))]
        if found:
            stopped = "" if is_settled else "it stopped; "
            raise Wrong(stopped + " | ".join(found))
        if not is_settled:
            self.notes.append("slow: later changes had not come when it was looked at")

    def differs(self, table: str) -> str | None:
        """What differs in a table; None where nothing does."""
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            found = self._difference(table)
            if found is None or time.monotonic() > deadline:
                return found and f"{table}: {found}"
            time.sleep(0.2)

    def _difference(self, table: str) -> str | None:
        with connect(self.source_url, autocommit=True) as connection:
            columns = source_columns(connection, table)
            expected = source_rows(connection, table, columns)
        try:
            rows = self.peer.rows(table, list(columns))
        except PeerStopped as error:
            return str(error)
        found = difference(expected, rows.seen, columns)
        if found and rows.exact is not None and not difference(expected, rows.exact, columns):
            self.notes.append(f"with the exact text recorded beside it: {table}: {found}")
            return None
        return found

    @contextmanager
    def writing(self, write: Callable[[Connection, int], None]) -> Iterator[None]:
        """Somebody else writes meanwhile: `write` is called again and again."""
        ended = threading.Event()

        def work() -> None:
            with connect(self.source_url) as connection:
                number = 0
                while not ended.is_set():
                    write(connection, number)
                    connection.commit()
                    number += 1

        writer = threading.Thread(target=work, daemon=True)
        writer.start()
        try:
            yield
        finally:
            ended.set()
            writer.join()
