"""One request from its head to the last byte of its answer.

Belongs here: routes, authentication, choosing how a statement is run and how its result is
sent. Sockets and threads are the server's, SQL is `query`'s.
"""

import contextlib
import hmac
import json
import logging
import secrets
import string
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from stores.local.clickhouse_http import bodies, compression, parameters
from stores.local.clickhouse_http.bodies import DataFile, Form
from stores.local.clickhouse_http.engine import BlockStream, Engine, Stream
from stores.local.clickhouse_http.exceptions import ClickHouseException, Code
from stores.local.clickhouse_http.formats import content_type
from stores.local.clickhouse_http.native_blocks import NativeCompressor
from stores.local.clickhouse_http.parameters import Parameters
from stores.local.clickhouse_http.query import Query
from stores.local.clickhouse_http.running import Running
from stores.local.clickhouse_http.sessions import DEFAULT_TIMEOUT_SECONDS, Session, Sessions
from stores.local.clickhouse_http.statement import Kind, Statement, parse
from stores.local.clickhouse_http.wire import ConnectionLost, Request, Response, Wire

log = logging.getLogger(__name__)

# What a server holds back before the first byte leaves, so that an early error has its status.
HELD_BACK_BYTES = 1 << 20
# With wait_end_of_query: what is held in memory before a file is used.
WHOLE_IN_MEMORY_BYTES = 64 << 20
# Whoever waits this long wants to see rows come in, even if it may end in an error.
HELD_BACK_SECONDS = 0.2
UNCHECKED = "http_native_compression_disable_checksumming_on_decompress"
TAG_LETTERS = string.ascii_lowercase
PLAIN = {"Content-Type": "text/plain; charset=UTF-8"}


@dataclass
class Service:
    """What all requests share."""

    engine: Engine
    sessions: Sessions
    running: Running
    spool: Path
    user: str
    password: str = field(repr=False)
    display_name: str = "chdb"


class Exchange:
    """One request and its response."""

    def __init__(self, service: Service, wire: Wire, request: Request) -> None:
        self._service = service
        self._wire = wire
        self._request = request
        self._response = Response(wire, request)
        self._started_at = time.perf_counter()
        self._query_id = str(uuid.uuid4())
        self._headers: dict[str, str] = {}
        self._form = Form()
        self._tag = "".join(secrets.choice(TAG_LETTERS) for _ in range(16))
        self._compressor: compression.Compressor | None = None
        self._session: Session | None = None

    def serve(self) -> bool:
        """Answer. True where the connection can serve another request."""
        try:
            self._route()
        except ClickHouseException as error:
            self._answer_exception(error)
        except ConnectionLost:
            return False
        except Exception as error:
            log.exception("A request failed inside the endpoint")
            self._answer_exception(ClickHouseException(Code.UNKNOWN_EXCEPTION, repr(error)))
        finally:
            self._form.close()
        return self._response.keep_alive

    def _route(self) -> None:
        request, path = self._request, parameters.path(self._request)
        is_reading = request.method in ("GET", "HEAD")
        if is_reading and path in ("/ping", "/replicas_status"):
            self._response.whole(200, {**PLAIN, **self._common()}, b"Ok.\n")
        elif request.method == "OPTIONS":
            self._response.whole(204, {"Allow": "GET, HEAD, POST, OPTIONS"}, b"")
        elif request.method not in ("GET", "HEAD", "POST"):
            self._response.whole(405, PLAIN, b"Only GET, HEAD, POST and OPTIONS are served here\n")
        elif is_reading and path == "/" and b"?" not in request.target:
            self._response.whole(200, {**PLAIN, **self._common()}, b"Ok.\n")
        elif path not in ("/", "/query"):
            self._response.whole(404, PLAIN, f"There is no handle {path}\n".encode())
        else:
            self._query()

    def _common(self) -> dict[str, str]:
        return {"X-ClickHouse-Server-Display-Name": self._service.display_name}

    def _query(self) -> None:
        url = parameters.from_url(self._request)
        self._query_id = url.get("query_id") or self._query_id
        self._authenticate(url)
        if url.get("role"):
            raise ClickHouseException(Code.UNKNOWN_ROLE, f"There is no role `{url['role']}`")
        pieces = self._read_form(url)
        external = frozenset(self._form.files)
        asked = parameters.sort_out({**url, **self._form.fields}, self._request, external)
        statement, data = self._statement(asked, pieces)
        try:
            self._run(asked, statement, data)
        finally:
            if data is not None:
                data.close()

    def _authenticate(self, url: dict[str, str]) -> None:
        given = parameters.credentials(self._request, url)
        service = self._service
        is_right = given.user == service.user and hmac.compare_digest(
            (given.password or "").encode("utf-8", "surrogateescape"), service.password.encode()
        )
        if is_right:
            return
        if given.password is None:
            raise ClickHouseException(
                Code.REQUIRED_PASSWORD, f"{given.user}: Authentication failed: password is required"
            )
        raise ClickHouseException(
            Code.AUTHENTICATION_FAILED,
            f"{given.user}: Authentication failed: password is incorrect,"
            " or there is no user with such name.",
        )

    def _read_form(self, url: dict[str, str]) -> Iterator[bytes]:
        is_native = url.get("decompress", "0") not in ("0", "")
        has_checksums = url.get(UNCHECKED, "0") == "0"
        pieces = bodies.plain(self._wire, self._request, is_native, has_checksums)
        kind = self._request.header("content-type")
        if kind.lower().startswith("multipart/form-data"):
            self._form = bodies.read_form(self._service.spool, kind, pieces)
            return iter(())
        return pieces

    def _statement(
        self, asked: Parameters, pieces: Iterator[bytes]
    ) -> tuple[Statement, DataFile | None]:
        """The statement, and its data where it has any."""
        in_url = asked.get("query").encode("utf-8", "surrogateescape")
        if in_url.strip():
            statement = parse(in_url)
            if statement.data_at is None:
                rest = bodies.take_all(b"", pieces)
                return (parse(in_url + b"\n" + rest) if rest.strip() else statement), None
            inline = in_url[statement.data_at :]
            first = inline + b"\n" if inline.strip() else b""
            return statement, bodies.into_file(self._service.spool, first, pieces)
        head = bodies.take(pieces, bodies.HEAD_BYTES)
        statement = parse(head)
        if statement.data_at is None or statement.data_at >= bodies.HEAD_BYTES:
            statement = parse(bodies.take_all(head, pieces))
        if statement.data_at is None:
            return statement, None
        return statement, bodies.into_file(self._service.spool, head[statement.data_at :], pieces)

    def _run(self, asked: Parameters, statement: Statement, data: DataFile | None) -> None:
        service = self._service
        session = None
        session_id = asked.get("session_id")
        entered = service.running.entered(self._query_id, self._wire.socket, statement.kind)
        # Ending a query must not wait until one has ended.
        place = contextlib.nullcontext() if statement.kind is Kind.KILL else service.engine.places
        with entered, place:
            if session_id:
                timeout = asked.number("session_timeout", DEFAULT_TIMEOUT_SECONDS)
                must_exist = asked.get("session_check") == "1"
                session = service.sessions.acquire(session_id, timeout, must_exist)
                self._session = session
                connection = session.connection
            else:
                connection = service.engine.connect()
            query = Query(service.engine, connection, session, asked, self._query_id)
            try:
                connection.begin()
                query.prepare(self._form.files)
                query.check_readonly(statement)
                self._execute(query, statement, data)
                query.remember(statement)
            finally:
                if session is None:
                    connection.close()
                else:
                    try:
                        query.restore()
                    finally:
                        service.sessions.release(session)

    def _execute(self, query: Query, statement: Statement, data: DataFile | None) -> None:
        self._prepare_headers(query, statement)
        if data is not None:
            query.insert(statement, data)
            self._answer(query, b"")
        elif statement.kind in (Kind.RESULT, Kind.KILL):
            self._answer_rows(query, statement)
        else:
            body = query.run(statement.text, self._format(query, statement))
            if body:
                self._headers["X-ClickHouse-Format"] = self._format(query, statement)
            self._answer(query, body)

    def _format(self, query: Query, statement: Statement) -> str:
        return statement.format or query.parameters.get("default_format") or "TabSeparated"

    def _prepare_headers(self, query: Query, statement: Statement) -> None:
        name = self._format(query, statement)
        self._headers = {
            "Content-Type": content_type(name),
            **self._common(),
            "X-ClickHouse-Query-Id": self._query_id,
            "X-ClickHouse-Timezone": query.timezone(),
            "X-ClickHouse-Exception-Tag": self._tag,
        }
        if statement.kind in (Kind.RESULT, Kind.KILL):
            self._headers["X-ClickHouse-Format"] = name
        if query.parameters.flag("compress"):
            self._compressor = NativeCompressor()
        elif query.parameters.flag("enable_http_compression"):
            encoding = compression.choose(self._request.header("accept-encoding"))
            if encoding:
                level = query.parameters.number("http_zlib_compression_level", 3)
                self._compressor = compression.COMPRESSORS[encoding](level)
                self._headers["Content-Encoding"] = encoding

    def _summary(self, query: Query) -> dict[str, str]:
        progress = query.connection.progress
        elapsed = int((time.perf_counter() - self._started_at) * 1e9)
        counted = replace(progress, elapsed_ns=elapsed)
        return {"X-ClickHouse-Summary": json.dumps(counted.as_texts(), separators=(",", ":"))}

    def _answer(self, query: Query, body: bytes) -> None:
        if not body:
            self._compressor = None
            self._headers.pop("Content-Encoding", None)
        head = self._response.start(200, {**self._headers, **self._summary(query)})
        self._response.chunk(bytes(self._packed(body)) + self._packed_end(), head)
        self._finish()

    def _finish(self) -> None:
        """End the answer."""
        self._let_session_go()
        self._response.finish()

    def _let_session_go(self) -> None:
        """A client may use its session again from its answer's last byte on: tell before it."""
        if self._session is not None:
            self._session.is_answered = True

    def _packed(self, data: bytes | memoryview) -> bytes | memoryview:
        return self._compressor.compress(data) if self._compressor else data

    def _packed_end(self) -> bytes:
        return self._compressor.flush() if self._compressor else b""

    def _answer_rows(self, query: Query, statement: Statement) -> None:
        result_format = self._format(query, statement)
        stream = query.start(statement, result_format)
        try:
            if query.parameters.flag("wait_end_of_query"):
                self._send_whole(query, stream)
            else:
                self._send_stream(query, stream)
        finally:
            stream.close()

    def _send_whole(self, query: Query, stream: Stream) -> None:
        """Keep the result until it is whole, so that an error has its status."""
        held: list[bytes | memoryview] = []
        length = 0
        keeps = isinstance(stream, BlockStream)
        if isinstance(stream, BlockStream):
            stream.keeps_blocks = True
        while length < WHOLE_IN_MEMORY_BYTES:
            piece = stream.read()
            if not piece:
                stream.finish()
                self._answer_whole(query, held, length)
                return
            held.append(piece if keeps else bytes(piece))
            length += len(piece)
        self._send_from_file(query, stream, held)

    def _answer_whole(self, query: Query, pieces: list[bytes | memoryview], length: int) -> None:
        """With its length in front, which clients read faster than chunks."""
        if self._compressor is not None:
            self._answer(query, b"".join(pieces))
            return
        headers = {**self._headers, **self._summary(query)}
        self._let_session_go()
        self._response.pieces(200, headers, pieces, length)

    def _send_from_file(self, query: Query, stream: Stream, held: list[bytes | memoryview]) -> None:
        data = DataFile(self._service.spool)
        try:
            while held:
                data.write(held.pop(0))
            while piece := stream.read():
                data.write(piece)
            stream.finish()
            head = self._response.start(200, {**self._headers, **self._summary(query)})
            for piece in data.chunks(HELD_BACK_BYTES):
                self._response.chunk(self._packed(piece), head)
                head = b""
            self._response.chunk(self._packed_end(), head)
            self._finish()
        finally:
            data.close()

    def _send_stream(self, query: Query, stream: Stream) -> None:
        """Hold the first bytes back for a moment, then pass everything on as it comes."""
        hold = max(query.parameters.number("buffer_size", 0), HELD_BACK_BYTES)
        held: list[bytes] = []
        length = 0
        while length < hold and not (length and self._is_slow()):
            piece = stream.read()
            if not piece:
                stream.finish()
                self._answer(query, b"".join(held))
                return
            held.append(bytes(piece))
            length += len(piece)
        head = self._response.start(200, {**self._headers, **self._summary(query)})
        self._response.chunk(self._packed(b"".join(held)), head)
        try:
            self._pass_on(stream)
        except ClickHouseException as error:
            self._break_off(error)

    def _is_slow(self) -> bool:
        return time.perf_counter() - self._started_at > HELD_BACK_SECONDS

    def _pass_on(self, stream: Stream) -> None:
        while piece := stream.read():
            self._response.chunk(self._packed(piece))
        stream.finish()
        self._response.chunk(self._packed_end())
        self._finish()

    def _break_off(self, error: ClickHouseException) -> None:
        """An error after the first byte: between the marks a client looks for, and no last chunk,
        so that a client who does not look sees a broken transfer instead of a short result."""
        text = error.text(self._service.engine.version)
        marked = (
            f"\r\n__exception__\r\n{self._tag}\r\n{text}\n"
            f"{len(text.encode()) + 1} {self._tag}\r\n__exception__\r\n"
        )
        packed = bytes(self._packed(marked.encode("utf-8", "replace")))
        self._response.chunk(packed + self._packed_end())
        self._response.keep_alive = False

    def _answer_exception(self, error: ClickHouseException) -> None:
        if self._response.is_started:
            self._response.keep_alive = False
            return
        text = error.text(self._service.engine.version) + "\n"
        headers = {
            **PLAIN,
            **self._common(),
            "X-ClickHouse-Query-Id": self._query_id,
            "X-ClickHouse-Timezone": self._service.engine.timezone,
            "X-ClickHouse-Exception-Code": str(error.code),
        }
        if error.code == Code.REQUIRED_PASSWORD:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        log.info("query %s: code %s", self._query_id, error.code)
        try:
            self._response.keep_alive &= self._wire.drain()
            self._response.whole(error.status(), headers, text.encode("utf-8", "replace"))
        except (OSError, ConnectionLost):
            self._response.keep_alive = False
