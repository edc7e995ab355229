"""The queries that run now: their ids, and whose client has gone.

Belongs here: refusing an id twice, and ending a query whose client closed its connection.
"""

import contextlib
import logging
import select
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stores.local.clickhouse_http.exceptions import ClickHouseException, Code
from stores.local.clickhouse_http.statement import Kind

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 0.2
# POLLRDHUP is Linux's; elsewhere a closed client is noticed when it is written to.
GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


@dataclass
class Entry:
    """A running query and its client."""

    client: socket.socket
    kind: Kind
    is_killed: bool = False


class Running:
    """All running queries of one server."""

    def __init__(self, kill: Callable[[str], None]) -> None:
        self._kill = kill
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def entered(self, query_id: str, client: socket.socket, kind: Kind) -> Iterator[None]:
        """While inside, the query is known by its id, which nobody else may use."""
        entry = Entry(client, kind)
        with self._lock:
            if query_id in self._entries:
                raise ClickHouseException(
                    Code.QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
                    f"Query with id = {query_id} is already running.",
                )
            self._entries[query_id] = entry
        try:
            yield
        finally:
            with self._lock:
                del self._entries[query_id]

    def kill(self, query_id: str) -> None:
        """End a query."""
        try:
            self._kill(query_id)
        except ClickHouseException as error:
            log.warning("query %s could not be ended: %s", query_id, error)

    def kill_abandoned(self) -> None:
        """End the reading queries whose client has closed its connection.

        What writes goes on: a client that lost patience cannot tell how far it came.
        """
        with self._lock:
            entries = {
                query_id: entry
                for query_id, entry in self._entries.items()
                if entry.kind is Kind.RESULT and not entry.is_killed
            }
        for query_id, entry in entries.items():
            if _is_gone(entry.client):
                entry.is_killed = True
                log.info("query %s: the client has gone, the query is ended", query_id)
                self.kill(query_id)

    def kill_all(self) -> None:
        """End everything."""
        with self._lock:
            query_ids = list(self._entries)
        for query_id in query_ids:
            self.kill(query_id)

    def count(self) -> int:
        """How many run."""
        with self._lock:
            return len(self._entries)


def _is_gone(client: socket.socket) -> bool:
    try:
        poll = select.poll()
        poll.register(client, GONE)
        return bool(poll.poll(0))
    except (OSError, ValueError):
        return True
