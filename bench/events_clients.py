"""The clients of `bench/events.py`: as little Python per request as there can be.

Belongs here: plain sockets and answers read to their end. They run in processes of their own.
"""

import selectors
import socket
import time
import uuid
from datetime import UTC, datetime
from urllib.parse import urlsplit


def _connect(url: str) -> socket.socket:
    address = urlsplit(url)
    connection = socket.create_connection((str(address.hostname), address.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _head(url: str, path: str, key: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def _is_complete(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    at = head.lower().index(b"content-length:") + 15
    return len(body) >= int(head[at:].split(b"\r\n", 1)[0])


def send_batches(url: str, path: str, key: str, bodies: list[bytes]) -> tuple[float, float]:
    """One connection; the times of the first request and of the last answer."""
    connection = _connect(url)
    started = time.perf_counter()
    for body in bodies:
        connection.sendall(_head(url, path, key, len(body)) + body)
        answer = b""
        while not _is_complete(answer):
            answer += connection.recv(262_144)
        assert answer.startswith(b"HTTP/1.1 202"), answer[:200]
    connection.close()
    return started, time.perf_counter()


def send_singles(url: str, key: str, connections: int, seconds: float) -> tuple[float, list[float]]:
    """One event a request, one request at a time on each connection; seconds, and each answer's."""
    selector = selectors.DefaultSelector()
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    tail = (
        f'","user_id":"{uuid.uuid4()}","event_type":"page_view","event_data":{{"path":"/a"}},'
        f'"timestamp":"{stamp}"}}]'
    )
    length = len('[{"event_id":"') + 36 + len(tail)
    head = _head(url, "/v1/events", key, length).decode() + '[{"event_id":"'
    prefix = uuid.uuid4().hex[:24]
    sent: dict[socket.socket, tuple[float, list[bytes]]] = {}
    waits: list[float] = []
    number = 0

    def send(connection: socket.socket) -> None:
        nonlocal number
        number += 1
        text = f"{prefix}{number:08x}"
        identity = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        sent[connection] = (time.perf_counter(), [])
        connection.sendall(f"{head}{identity}{tail}".encode())

    started = time.perf_counter()
    for _ in range(connections):
        connection = _connect(url)
        selector.register(connection, selectors.EVENT_READ)
        send(connection)
    while (now := time.perf_counter()) < started + seconds:
        for ready, _ in selector.select(1):
            connection = ready.fileobj  # type: ignore[assignment]
            begun, parts = sent[connection]
            parts.append(connection.recv(65_536))
            answer = b"".join(parts)
            if _is_complete(answer):
                assert answer.startswith(b"HTTP/1.1 202"), answer[:200]
                waits.append(time.perf_counter() - begun)
                send(connection)
    for connection in sent:
        connection.close()
    return now - started, waits
