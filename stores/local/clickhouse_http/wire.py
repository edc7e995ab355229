"""HTTP/1.1 on one socket: requests in, responses out.

Belongs here: reading a request's head and body, and writing a response, with bounded memory.
What a request means is the handler's business.
"""

import socket
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import httptools

RECEIVE_BYTES = 1 << 18
MAX_HEAD_BYTES = 4 << 20
# A longer rest of a refused body is cheaper to cut off than to read.
MAX_DRAINED_BYTES = 64 << 20
# The system takes up to 1,024 parts at once.
MAX_PARTS = 500
CRLF = b"\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class ConnectionLost(Exception):
    """The client went away, or sent what is not HTTP; nobody is there to answer."""


class BadRequest(Exception):
    """What came is not HTTP."""


@dataclass
class Request:
    """The head of a request; its body is read from the wire."""

    method: str = ""
    target: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    keep_alive: bool = True
    http_1_0: bool = False

    def header(self, name: str, default: str = "") -> str:
        """A header by its lower-case name."""
        return self.headers.get(name, default)


class Wire:
    """One client connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._parser = httptools.HttpRequestParser(self)
        self._requests: deque[Request] = deque()
        self._body: deque[bytes | None] = deque()
        self._building = Request()
        self._head_bytes = 0
        self._in_body = False

    # What httptools calls while it parses.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._building = Request()
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._building.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; a repeated one is joined by a comma."""
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        known = self._building.headers.get(key)
        self._building.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """The head is whole."""
        request = self._building
        request.method = self._parser.get_method().decode()
        request.keep_alive = self._parser.should_keep_alive()
        request.http_1_0 = self._parser.get_http_version() == "1.0"
        self._requests.append(request)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._body.append(None)

    # What the server calls.

    def next_request(self) -> Request | None:
        """The next request, or None once the client has closed the connection."""
        while not self._requests:
            data = self.socket.recv(RECEIVE_BYTES)
            if not data:
                return None
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                raise BadRequest("The head of the request is too long")
            self._feed(data)
        self._in_body = True
        request = self._requests.popleft()
        if request.header("expect").lower() == "100-continue" and not self._body:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return request

    def body(self) -> Iterator[bytes]:
        """The body as it arrives. Raises ConnectionLost where it is cut off."""
        while self._in_body:
            while not self._body:
                data = self.socket.recv(RECEIVE_BYTES)
                if not data:
                    raise ConnectionLost("The body of the request is cut off")
                self._feed(data)
            piece = self._body.popleft()
            if piece is None:
                self._in_body = False
            else:
                yield piece

    def drain(self) -> bool:
        """Pass the rest of the body, so that the next request can be read; False if too long."""
        passed = 0
        for piece in self.body():
            passed += len(piece)
            if passed > MAX_DRAINED_BYTES:
                return False
        return True

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise BadRequest("Upgrades are not served here") from error
        except httptools.HttpParserError as error:
            raise BadRequest(str(error)) from error

    def send(self, *parts: bytes | memoryview) -> None:
        """Write all of `parts`, without joining what is large."""
        waiting = [memoryview(part) for part in parts if len(part)]
        try:
            while waiting:
                sent = self.socket.sendmsg(waiting)
                while waiting and sent >= len(waiting[0]):
                    sent -= len(waiting.pop(0))
                if sent:
                    waiting[0] = waiting[0][sent:]
        except OSError as error:
            raise ConnectionLost(str(error)) from error


class Response:
    """One response; its head is sent with the first bytes of its body."""

    def __init__(self, wire: Wire, request: Request) -> None:
        self._wire = wire
        self._request = request
        self._chunked = not request.http_1_0
        self.is_started = False
        self.keep_alive = request.keep_alive and not request.http_1_0

    def start(self, status: int, headers: Mapping[str, str], length: int | None = None) -> bytes:
        """The head, to be sent together with the first bytes."""
        self.is_started = True
        lines = [f"HTTP/1.1 {status} {_reason(status)}"]
        lines += [f"{name}: {_one_line(value)}" for name, value in headers.items()]
        if length is not None:
            self._chunked = False
            lines.append(f"Content-Length: {length}")
        elif self._chunked:
            lines.append("Transfer-Encoding: chunked")
        lines.append(f"Connection: {'Keep-Alive' if self.keep_alive else 'Close'}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """A response of known length."""
        head = self.start(status, headers, len(body))
        self._wire.send(head if self._request.method == "HEAD" else head + body)

    def pieces(
        self, status: int, headers: Mapping[str, str], pieces: list[bytes | memoryview], length: int
    ) -> None:
        """A response of known length that is not in one piece."""
        head = self.start(status, headers, length)
        if self._request.method == "HEAD":
            pieces = []
        for at in range(0, max(len(pieces), 1), MAX_PARTS):
            self._wire.send(head, *pieces[at : at + MAX_PARTS])
            head = b""

    def chunk(self, data: bytes | memoryview, before: bytes = b"") -> None:
        """Send a piece of the body, with `before` in front of it."""
        if self._request.method == "HEAD" or not data:
            data = b""
        elif self._chunked:
            self._wire.send(before + b"%x\r\n" % len(data), data, CRLF)
            return
        self._wire.send(before, data)

    def finish(self) -> None:
        """End the body."""
        if self._chunked and self._request.method != "HEAD":
            self._wire.send(LAST_CHUNK)


def _reason(status: int) -> str:
    return HTTPStatus(status).phrase


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
