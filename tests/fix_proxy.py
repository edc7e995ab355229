"""A wire between a program and a store that a test can cut.

Belongs here: TCP in between. What is cut when is the test's.
"""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import pytest

_PIECE = 65536


class Wire:
    """Listens on a port of its own and passes bytes both ways, until told otherwise."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._store = (parts.hostname or "127.0.0.1", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self.is_down = False
        user = parts.netloc.rpartition("@")[0]
        port = self._listener.getsockname()[1]
        netloc = f"{user}@127.0.0.1:{port}" if user else f"127.0.0.1:{port}"
        self.url = urlunsplit(parts._replace(netloc=netloc))
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection now; new ones are taken unless it is down."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def down(self) -> None:
        """Nobody answers from now on."""
        self.is_down = True
        self.cut()

    def up(self) -> None:
        """As before."""
        self.is_down = False

    def close(self) -> None:
        """For good."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.is_down:
                near.close()
                continue
            try:
                far = socket.create_connection(self._store, 5)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        try:
            with selectors.DefaultSelector() as ready:
                ready.register(near, selectors.EVENT_READ, far)
                ready.register(far, selectors.EVENT_READ, near)
                while True:
                    for key, _ in ready.select(1.0):
                        source = key.fileobj
                        assert isinstance(source, socket.socket)
                        piece = source.recv(_PIECE)
                        if not piece:
                            return
                        key.data.sendall(piece)
        except (OSError, ValueError):
            return
        finally:
            near.close()
            far.close()


@pytest.fixture
def clickhouse_wire(clickhouse_url: str) -> Iterator[Wire]:
    """A wire to the shared ClickHouse."""
    wire = Wire(clickhouse_url)
    yield wire
    wire.close()


@pytest.fixture
def postgres_wire(postgres_url: str) -> Iterator[Wire]:
    """A wire to the test's own database."""
    wire = Wire(postgres_url)
    yield wire
    wire.close()
