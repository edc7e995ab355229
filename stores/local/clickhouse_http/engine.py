"""chDB: one engine in this process, as many connections as wanted.

Belongs here: every call into chDB. A connection has a session's state of its own (settings,
temporary tables, current database) and runs one statement at a time.

Rows leave through a pipe that the engine writes as if it were a file (INTO OUTFILE): every
format comes out exactly as a server writes it, in bounded memory, and a reader who is slow
slows the query down. Rows come in from a file the same way (FROM INFILE).
"""

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import chdb
import chdb._chdb

from stores.local.clickhouse_http.exceptions import from_engine

# What chDB does not offer through its Python classes.
_core: Any = chdb._chdb

# A full pipe wakes the reader; the default of 64 KiB costs a third of the speed.
PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = 1031
# chDB starts with the manners of clickhouse-local; these are a server's.
# The engine names its queries itself. Ours are found by a setting that shows in system.processes
# and system.query_log and changes nothing here: it names queues of engines this build lacks.
QUERY_ID_SETTING = "stream_like_engine_insert_queue"
SERVER_SETTINGS = {"implicit_select": "0", "allow_introspection_functions": "0"}
DEFAULT_DATABASE = "default"


@dataclass
class Progress:
    """What the engine has counted for one statement, as X-ClickHouse-Summary names it."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    total_rows_to_read: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_ns: int = 0

    def update(self, values: Mapping[str, Any]) -> None:
        """Take over the engine's running totals."""
        for name in self.__dataclass_fields__:
            if name in values:
                setattr(self, name, int(values[name]))

    def as_texts(self) -> dict[str, str]:
        """Numbers as texts, which is how a server writes them."""
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Output:
    """A statement that returns rows, and where in it an output clause fits."""

    text: bytes
    output_at: int
    format: str
    is_select: bool

    def into(self, path: str) -> bytes:
        """The statement writing its rows to a file."""
        clause = f"\nINTO OUTFILE {quote(path)} TRUNCATE ".encode()
        tail = self.text[self.output_at :] or f"FORMAT {self.format}".encode()
        return self.text[: self.output_at] + clause + tail


def quote(text: str) -> str:
    """A SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quote_name(name: str) -> str:
    """A SQL identifier."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


class Connection:
    """One chDB connection; used by one request at a time."""

    def __init__(self, raw: Any, settings: Mapping[str, str] | None = None) -> None:
        self._raw = raw
        # Set with the first statement's own: each statement before it is half a millisecond.
        self._to_set = dict(settings or {})
        self.progress = Progress()
        raw.set_progress_callback(self._on_progress)

    def _on_progress(self, values: Mapping[str, Any]) -> None:
        self.progress.update(values)

    def assign(self, settings: Mapping[str, str]) -> None:
        """Set them, from now on."""
        together = self._to_set | dict(settings)
        self._to_set = {}
        if together:
            self.run("SET " + ", ".join(f"{name} = {quote(it)}" for name, it in together.items()))

    def run(
        self, sql: bytes | str, result_format: str = "TSV", params: Mapping[str, str] | None = None
    ) -> bytes:
        """Run a statement whose result is small; the result in `result_format`."""
        self._set_first()
        try:
            result = self._raw.query(sql, result_format, params=dict(params or {}))
        except Exception as error:
            raise from_engine(error) from None
        self._count(result)
        data: bytes = result.bytes()
        return data

    def send(self, sql: bytes, result_format: str, params: Mapping[str, str]) -> Any:
        """Start a statement whose result is fetched block by block."""
        self._set_first()
        try:
            return self._raw.send_query(sql, result_format, params=dict(params))
        except Exception as error:
            raise from_engine(error) from None

    def _set_first(self) -> None:
        if self._to_set:
            self.assign({})

    def _count(self, result: Any) -> None:
        progress = self.progress
        progress.read_rows = max(progress.read_rows, result.storage_rows_read())
        progress.read_bytes = max(progress.read_bytes, result.storage_bytes_read())
        progress.written_rows = max(progress.written_rows, result.rows_written())
        progress.written_bytes = max(progress.written_bytes, result.bytes_written())
        progress.elapsed_ns = max(progress.elapsed_ns, int(result.elapsed() * 1e9))

    def begin(self) -> None:
        """Count from zero."""
        self.progress = Progress()

    def is_read_only(self, sql: bytes) -> bool:
        """What the engine's own parser says of a statement."""
        found = self._raw._conn.classify_query(sql)
        return bool(found["query_class"] == _core.query_class.READ_ONLY)

    def close(self) -> None:
        """Give the connection back to the engine; its temporary tables go with it."""
        self._raw.close()


class Stream(Protocol):
    """A running statement's rows: read until nothing comes; then `finish` says how it ended."""

    def read(self) -> bytes | memoryview:
        """The next bytes, valid until the next read; empty at the end."""

    def finish(self) -> None:
        """Raise what the statement ended with, if it failed."""

    def close(self) -> None:
        """Let go, wherever it stands; a statement that still runs is ended."""


class PipeStream:
    """Rows through a pipe, in any format, while a query thread runs the statement."""

    def __init__(self, descriptor: int, ended: "Future[bytes]", kill: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._ended = ended
        self._kill = kill

    def read(self) -> bytes:
        """The next bytes, b'' at the end."""
        return os.read(self._descriptor, PIPE_BYTES)

    def finish(self) -> None:
        """Raise what the statement ended with, if it failed."""
        self._ended.result()

    def close(self) -> None:
        """A writer still there would write on into nothing: it is ended first."""
        if not self._ended.done():
            self._kill()
        os.close(self._descriptor)
        # What it ended with has been told, or nobody is there to be told.
        self._ended.exception()


class BlockStream:
    """Native blocks one by one, as soon as each is made and without a copy."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        # Set where every block must stay valid until `close`, not only until the next read.
        self.keeps_blocks = False
        self._held: list[Any] = []

    def read(self) -> bytes | memoryview:
        """One block, b'' at the end."""
        try:
            chunk = self._raw.fetch()
        except Exception as error:
            raise from_engine(error) from None
        if chunk is None:
            return b""
        memory = chunk.get_memview()
        if not self.keeps_blocks:
            self._held.clear()
        self._held.append((chunk, memory))
        return memoryview(memory.view())

    def finish(self) -> None:
        """An error has come out of `read` already."""

    def close(self) -> None:
        """Stop the statement, if it still runs."""
        self._held.clear()
        self._raw.cancel()


class WholeStream:
    """A small result in one piece, such as that of a SHOW."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        """Everything, then b''."""
        data, self._data = self._data, b""
        return data

    def finish(self) -> None:
        """It had ended before it came here."""

    def close(self) -> None:
        """Nothing runs any more."""


class Engine:
    """The engine of this process and the threads its statements run in."""

    def __init__(self, path: Path, config_file: Path | None, max_queries: int) -> None:
        # The server handles its own signals; chDB's handlers would end the process on SIGTERM.
        _core.set_signal_handlers_enabled(0)
        options = f"?config-file={config_file}" if config_file else ""
        self._target = f"{path}{options}"
        self._root = chdb.connect(self._target)
        self._make_default_an_ordinary_database()
        # More than the places, so that a KILL finds a thread too.
        self._threads = ThreadPoolExecutor(max_queries + 8, thread_name_prefix="query")
        self._opening = threading.Lock()
        # Held while a statement runs; what comes on top waits its turn.
        self.places = threading.BoundedSemaphore(max_queries)
        self.version = self.call("SELECT version()")
        self.timezone = self.call("SELECT serverTimezone()")

    def _make_default_an_ordinary_database(self) -> None:
        """Attach it anew: the library's own takes every unknown name for that of a file.

        Nobody may read files here, so EXISTS would find every table, and CREATE none to make.
        The same UUID finds the same tables. A kill in between loses nothing: the library makes
        the database anew at the next start.
        """
        connection = Connection(self._root)
        uuid = connection.run("SELECT uuid FROM system.databases WHERE name = 'default'")
        connection.run("DETACH DATABASE default")
        name = quote(uuid.decode().strip())
        connection.run(f"ATTACH DATABASE default UUID {name} ENGINE = Atomic")

    def kill(self, query_id: str) -> None:
        """End the query of that id, if it runs."""
        name = f"Settings['{QUERY_ID_SETTING}']"
        self.call(f"KILL QUERY WHERE {name} = {quote(query_id)} ASYNC")

    def call(self, sql: str) -> str:
        """Ask the engine itself something small."""
        connection = self.connect()
        try:
            return connection.run(sql).decode().rstrip("\n")
        finally:
            connection.close()

    def connect(self) -> Connection:
        """A connection with the settings a server would have."""
        with self._opening:
            raw = chdb.connect(self._target)
        return Connection(raw, SERVER_SETTINGS)

    def stream(
        self, connection: Connection, sql: Output, params: Mapping[str, str], query_id: str
    ) -> Stream:
        """Start a statement that returns rows; they come out of the stream as they are made."""
        if sql.format == "Native":
            if sql.is_select:
                return BlockStream(connection.send(sql.text, sql.format, params))
            return WholeStream(connection.run(sql.text, sql.format, params))
        reader, writer = os.pipe()
        _enlarge(writer)
        statement = sql.into(f"/dev/fd/{writer}")

        def work() -> bytes:
            try:
                return connection.run(statement, sql.format, params)
            finally:
                os.close(writer)

        return PipeStream(reader, self._threads.submit(work), lambda: self.kill(query_id))

    def close(self) -> None:
        """Wait for what runs, then close the data directory."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._root.close()


def _enlarge(descriptor: int) -> None:
    """A bigger pipe where the system allows it."""
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.fcntl(descriptor, F_SETPIPE_SZ, PIPE_BYTES)
