"""One logical replication connection: framing, keepalives and feedback.

Belongs here: the replication protocol itself. What the messages mean (pgoutput) and when a
position may be confirmed belong to `ingestion.cdc`.

psycopg opens the connection and signs in. The stream is then read from the socket in large
pieces, which costs a third of asking libpq for message after message. Where the connection is
encrypted only libpq can read it, so there it does.
"""

import os
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import NoReturn, Protocol

import numpy as np
import psycopg
from psycopg.pq import ExecStatus

from stores.errors import StateConflict, StoreUnavailable
from stores.postgres.client import connect, name_of
from stores.postgres.frames import (
    FRAME_HEADER,
    PADDING,
    Frames,
    find_frames,
    framed,
    frames_between,
)

# PostgreSQL drops a subscriber that is silent for wal_sender_timeout (60 s, often less).
LONGEST_SILENCE_SECONDS = 5.0
# Enough to work on at once, few enough that it stays in the processor's cache.
MAX_POLLED_BYTES = 1 << 20
# While more is coming, a pause lets it gather: few large reads cost both sides less than many
# small ones.
GATHER_SECONDS, GATHER_LIMIT_SECONDS = 0.002, 0.05
ANSWER_SECONDS = 30.0
# Values are rendered by the session's settings, so that snapshot and stream write the same text.
TEXT_FORMAT_OPTIONS = (
    "-c datestyle=ISO,YMD -c timezone=UTC -c intervalstyle=postgres"
    " -c extra_float_digits=1 -c bytea_output=hex -c client_encoding=UTF8"
)
# Since this version open transactions can be streamed.
STREAMING_SINCE = 140000

_KEEPALIVE = struct.Struct(">QQB")
_FEEDBACK = struct.Struct(">cQQQQB")
_LENGTH = struct.Struct(">I")
_POSTGRES_EPOCH_SECONDS = 946_684_800
_COPY_DATA, _LOG_KIND, _KEEPALIVE_KIND = ord("d"), ord("w"), ord("k")
_ENDS = "PostgreSQL ended the replication stream: "


class _Wire(Protocol):
    """Where bytes of the stream come from and go to."""

    def read(self, into: memoryview) -> int:
        """Frames, as many as there are and fit; 0 where there are none now."""
        ...

    def write(self, payload: bytes) -> None:
        """Send one frame's payload."""
        ...

    def close(self) -> None:
        """Let go of what libpq does not close."""
        ...


class ReplicationConnection:
    """A walsender streaming one slot. One thread at a time may use it."""

    def __init__(self, url: str | None = None) -> None:
        self._connection = connect(
            url, autocommit=True, replication="database", options=TEXT_FORMAT_OPTIONS
        )
        self._name = name_of(url)
        self._pgconn = self._connection.pgconn
        self._wire: _Wire | None = None
        self._buffer = bytearray(MAX_POLLED_BYTES + PADDING)
        self._filled = 0
        self._last_feedback = 0.0
        self._must_reply = False
        self._silence_seconds = LONGEST_SILENCE_SECONDS
        self.confirmed_lsn = 0
        # Everything that commits below this has been handed out by `poll`.
        self.sent_lsn = 0
        # Whether open transactions arrive before they end.
        self.is_streaming = self._connection.info.server_version >= STREAMING_SINCE

    def make_temporary_slot(self, slot: str) -> int:
        """A slot that ends with this connection; from where it reads.

        Waits for transactions that are under way. Raises StoreUnavailable.
        """
        statement = f'CREATE_REPLICATION_SLOT "{slot}" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT'
        try:
            row = self._connection.execute(statement.encode()).fetchone()
        except psycopg.Error as error:
            raise StoreUnavailable(f"{self._name}: there is no slot: {error}") from error
        high, low = str(row[1] if row else "0/0").split("/")
        return int(high, 16) << 32 | int(low, 16)

    def start(self, slot: str, publication: str, lsn: int) -> None:
        """Stream `slot` from `lsn`. Raises StateConflict where another process holds it."""
        quoted = publication.replace('"', '""').replace("'", "''")
        protocol = "proto_version '2', streaming 'on'" if self.is_streaming else "proto_version '1'"
        statement = (
            f'START_REPLICATION SLOT "{slot}" LOGICAL {lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}'
            f" ({protocol}, publication_names '\"{quoted}\"')"
        )
        try:
            self._silence_seconds = self._allowed_silence()
            self._wire = _open(self._connection, statement.encode())
        except psycopg.errors.ObjectInUse as error:
            raise StateConflict(
                f"replication slot {slot} is in use: {error.diag.message_primary}"
            ) from error
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"{self._name}: replication did not start: {error}") from error
        self.confirmed_lsn = lsn
        self.sent_lsn = lsn

    def poll(self, timeout: float, take: Callable[[Frames], None]) -> bool:
        """Hand what has arrived to `take`; wait up to `timeout` for the first. True if any came.

        The frames are only lent: their buffer is filled anew by the next poll.
        """
        try:
            has_come = self._receive() or (self._wait(timeout) and self._receive())
            if has_come:
                self._hand_out(take)
            self._keep_alive()
        except (psycopg.OperationalError, OSError) as error:
            raise _broken(error) from error
        return has_come

    def confirm(self, lsn: int) -> None:
        """All that committed up to `lsn` is durable elsewhere: PostgreSQL may forget it."""
        if lsn > self.confirmed_lsn:
            self.confirmed_lsn = lsn
            try:
                self._send_feedback()
            except (psycopg.OperationalError, OSError) as error:
                raise _broken(error) from error

    def keep_alive(self) -> None:
        """Send feedback if it is due; for use while nothing is read."""
        try:
            self._keep_alive()
        except (psycopg.OperationalError, OSError) as error:
            raise _broken(error) from error

    def close(self) -> None:
        """Leave the stream; the slot stays."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self._connection.close()

    def _allowed_silence(self) -> float:
        """A third of what PostgreSQL waits for us, so that one late reply does no harm."""
        row = self._connection.execute(
            b"SELECT setting::float8 / 1000 FROM pg_settings WHERE name = 'wal_sender_timeout'"
        ).fetchone()
        timeout = float(row[0]) if row else 0.0
        return min(LONGEST_SILENCE_SECONDS, timeout / 3) if timeout else LONGEST_SILENCE_SECONDS

    def _open_wire(self) -> _Wire:
        if self._wire is None:
            raise StoreUnavailable("the replication stream is not open")
        return self._wire

    def _receive(self) -> bool:
        """Read until nothing comes any more or the buffer is full. True if anything came."""
        wire, before = self._open_wire(), self._filled
        deadline = time.monotonic() + GATHER_LIMIT_SECONDS
        with memoryview(self._buffer) as view:
            room = len(view) - PADDING
            while self._filled < room:
                count = wire.read(view[self._filled : room])
                self._filled += count
                if count:
                    continue
                if self._filled == before or time.monotonic() > deadline:
                    break
                time.sleep(GATHER_SECONDS)
                count = wire.read(view[self._filled : room])
                self._filled += count
                if not count:
                    break
        return self._filled > before

    def _hand_out(self, take: Callable[[Frames], None]) -> None:
        starts, end = find_frames(self._buffer, 0, self._filled)
        if starts:
            self._take(frames_between(self._buffer, starts, end), take)
        rest = self._filled - end
        if rest and end:
            self._buffer[:rest] = self._buffer[end : self._filled]
        self._filled = rest
        self._fit_buffer()

    def _take(self, frames: Frames, take: Callable[[Frames], None]) -> None:
        data, starts, ends = np.frombuffer(frames.data, np.uint8), frames.starts, frames.ends
        foreign = np.flatnonzero(data[starts] != _COPY_DATA)
        count = int(foreign[0]) if len(foreign) else len(starts)
        kinds = data[starts[:count] + FRAME_HEADER]
        for start in starts[:count][kinds == _KEEPALIVE_KIND].tolist():
            end, _, wants_reply = _KEEPALIVE.unpack_from(frames.data, start + FRAME_HEADER + 1)
            self.sent_lsn = max(self.sent_lsn, end)
            self._must_reply = self._must_reply or bool(wants_reply)
        is_log = np.flatnonzero(kinds == _LOG_KIND)
        if len(is_log):
            take(Frames(frames.data, starts[is_log], ends[is_log]))
        if count < len(starts):
            self._raise_end(frames.data[starts[count] : ends[count]])

    def _fit_buffer(self) -> None:
        """Room for a message larger than the buffer; back to the usual size after it."""
        needed = MAX_POLLED_BYTES
        if self._filled >= FRAME_HEADER:
            needed = max(needed, 1 + _LENGTH.unpack_from(self._buffer, 1)[0])
        if needed + PADDING != len(self._buffer) and needed >= self._filled:
            buffer = bytearray(needed + PADDING)
            buffer[: self._filled] = self._buffer[: self._filled]
            self._buffer = buffer

    def _wait(self, timeout: float) -> bool:
        return bool(select.select([self._pgconn.socket], [], [], timeout)[0])

    def _keep_alive(self) -> None:
        due = time.monotonic() - self._last_feedback > self._silence_seconds
        if self._must_reply or due:
            self._send_feedback()

    def _send_feedback(self) -> None:
        micros = int((time.time() - _POSTGRES_EPOCH_SECONDS) * 1_000_000)
        received = max(self.sent_lsn, self.confirmed_lsn)
        self._open_wire().write(
            _FEEDBACK.pack(b"r", received, self.confirmed_lsn, self.confirmed_lsn, micros, 0)
        )
        self._must_reply = False
        self._last_feedback = time.monotonic()

    def _raise_end(self, frame: bytearray) -> NoReturn:
        """PostgreSQL says something else than the log: an error, or that it is done."""
        reason = "it shut down"
        if frame[:1] == b"E":
            fields = bytes(frame[FRAME_HEADER:]).split(b"\0")
            said = [field[1:].decode(errors="replace") for field in fields if field[:1] == b"M"]
            reason = said[0] if said else reason
        raise StoreUnavailable(_ENDS + reason)


class _SocketWire:
    """The socket itself, once libpq has signed in."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def read(self, into: memoryview) -> int:
        try:
            count = self._socket.recv_into(into)
        except (BlockingIOError, InterruptedError):
            return 0
        if not count:
            raise StoreUnavailable(_ENDS + "it shut down")
        return count

    def write(self, payload: bytes) -> None:
        self._socket.settimeout(ANSWER_SECONDS)
        try:
            self._socket.sendall(framed(payload))
        finally:
            self._socket.settimeout(0)

    def close(self) -> None:
        self._socket.close()


class _LibpqWire:
    """Through libpq, message by message."""

    def __init__(self, pgconn: psycopg.pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self._rest = b""

    def read(self, into: memoryview) -> int:
        pieces, size, room = [self._rest], len(self._rest), len(into)
        has_asked = False
        while size < room:
            length, payload = self._pgconn.get_copy_data(1)
            if length > 0:
                piece = framed(bytes(payload))
                pieces.append(piece)
                size += len(piece)
            elif length < 0:
                self._raise_end()
            elif has_asked:
                break
            else:
                self._pgconn.consume_input()
                has_asked = True
        data = b"".join(pieces)
        count = min(len(data), room)
        into[:count] = data[:count]
        self._rest = data[count:]
        return count

    def write(self, payload: bytes) -> None:
        self._pgconn.put_copy_data(payload)
        self._pgconn.flush()

    def close(self) -> None:
        """libpq closes its own."""

    def _raise_end(self) -> NoReturn:
        result = self._pgconn.get_result()
        reason = result.error_message.decode(errors="replace").strip() if result else ""
        raise StoreUnavailable(_ENDS + (reason or "it shut down"))


def _open(connection: "psycopg.Connection[tuple[object, ...]]", statement: bytes) -> _Wire:
    """Ask for the stream. Raises what PostgreSQL answers instead."""
    pgconn = connection.pgconn
    if pgconn.ssl_in_use or getattr(pgconn, "used_gssapi", False):
        connection.execute(statement)
        return _LibpqWire(pgconn)
    pgconn.send_query(statement)
    while pgconn.flush():
        select.select([], [pgconn.socket], [], ANSWER_SECONDS)
    # A second handle of the same connection, so that each is closed by its owner.
    wire = socket.socket(fileno=os.dup(pgconn.socket))
    if _skip_answer(wire):
        return _SocketWire(wire)
    wire.close()
    return _answered(pgconn)


def _skip_answer(wire: socket.socket) -> bool:
    """Take the answer that the stream begins, and nothing after it. False for any other."""
    wire.settimeout(ANSWER_SECONDS)
    head = wire.recv(FRAME_HEADER, socket.MSG_PEEK)
    is_begun = head[:1] == b"W" and len(head) == FRAME_HEADER
    if is_begun:
        size = 1 + _LENGTH.unpack_from(head, 1)[0]
        while size:
            size -= len(wire.recv(size))
    wire.settimeout(0)
    return is_begun


def _answered(pgconn: psycopg.pq.abc.PGconn) -> _Wire:
    deadline = time.monotonic() + ANSWER_SECONDS
    while pgconn.is_busy() and time.monotonic() < deadline:
        select.select([pgconn.socket], [], [], ANSWER_SECONDS)
        pgconn.consume_input()
    result = pgconn.get_result()
    if result is None or result.status != ExecStatus.COPY_BOTH:
        raise (
            psycopg.errors.error_from_result(result)
            if result
            else StoreUnavailable("replication did not start: PostgreSQL did not answer")
        )
    return _LibpqWire(pgconn)


def _broken(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"the replication stream broke: {error}")
