"""Sockets and threads: a thread per connection, a bounded pool of query threads.

Belongs here: accepting, the life of a connection, and stopping in order. A thread per connection
lets a result go from the engine to the socket without passing through an event loop, and keeps
/ping answering while every query thread is busy.
"""

import logging
import socket
import threading
import time

from stores.local.clickhouse_http.handler import Exchange, Service
from stores.local.clickhouse_http.running import LOOK_EVERY_SECONDS
from stores.local.clickhouse_http.wire import BadRequest, ConnectionLost, Request, Response, Wire

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 1024
# How long a kept connection may idle; longer than clients' pools, which then close first.
IDLE_SECONDS = 120
STOP_SECONDS = 20
SOCKET_BUFFER_BYTES = 1 << 20


class Server:
    """The listening socket and everything behind it."""

    def __init__(self, service: Service, host: str, port: int) -> None:
        self._service = service
        self._listener = socket.create_server((host, port), backlog=256)
        self._stopping = threading.Event()
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """The port that was given or found."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Begin to serve."""
        threading.Thread(target=self._accept, name="accept", daemon=True).start()
        threading.Thread(target=self._look_after, name="look-after", daemon=True).start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if not self._places.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
            connection.settimeout(IDLE_SECONDS)
            self._requests(Wire(connection))
        except (OSError, ConnectionLost):
            log.debug("a client closed its connection in the middle")
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()
            self._places.release()

    def _requests(self, wire: Wire) -> None:
        while not self._stopping.is_set():
            try:
                request = wire.next_request()
                if request is None or not Exchange(self._service, wire, request).serve():
                    return
                if not wire.drain():
                    return
            except BadRequest as error:
                text = f"Bad request: {error}\n".encode()
                response = Response(wire, Request(method="GET", keep_alive=False))
                response.whole(400, {"Content-Type": "text/plain; charset=UTF-8"}, text)
                return

    def _look_after(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            self._service.running.kill_abandoned()
            self._service.sessions.expire()

    def stop(self) -> None:
        """Take nothing new, let what runs end, then close the engine."""
        self._stopping.set()
        self._listener.close()
        deadline = time.monotonic() + STOP_SECONDS
        while self._service.running.count() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._service.running.kill_all()
        self._service.sessions.close()
        self._service.engine.close()
