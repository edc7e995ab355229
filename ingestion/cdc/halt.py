"""Ends what another thread has begun: a comparison that nobody wants any more.

Belongs here: the mark that it is to end, and the cancelling of statements it waits for at the
source. Where the mark is looked at belongs to whoever does the work.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from stores.errors import StoreUnavailable
from stores.postgres.client import Connection, Error

_CANCEL_SECONDS = 1.0


class Halt:
    """Asked once or more often: a statement that began just after a cancel is cancelled by the
    next one."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._connections: list[Connection] = []

    def ask(self) -> None:
        """End what is under way, soon."""
        self._asked.set()
        with self._lock:
            for connection in self._connections:
                with suppress(Error):
                    connection.cancel_safe(timeout=_CANCEL_SECONDS)

    def check(self) -> None:
        """Raises StoreUnavailable where it was asked for."""
        if self._asked.is_set():
            raise StoreUnavailable("the comparison was given up: capture ends")

    @contextmanager
    def covering(self, connection: Connection) -> Iterator[None]:
        """While this connection may wait for the source."""
        self.check()
        with self._lock:
            self._connections.append(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.remove(connection)
