"""One logical replication connection: framing, keepalives and feedback over psycopg's copy calls.

Belongs here: the replication protocol itself. What the messages mean (pgoutput) and when a
position may be confirmed belong to `ingestion.cdc`.
"""

import select
import struct
import time
from collections.abc import Callable

import psycopg

from stores.errors import StateConflict, StoreUnavailable
from stores.postgres.client import connect

# PostgreSQL drops a subscriber that is silent for wal_sender_timeout (60 s, often less).
LONGEST_SILENCE_SECONDS = 5.0
# Enough to work on at once, few enough that feedback is never late.
MAX_POLLED_BYTES = 4 << 20
# Values are rendered by the session's settings, so that snapshot and stream write the same text.
TEXT_FORMAT_OPTIONS = (
    "-c datestyle=ISO,YMD -c timezone=UTC -c intervalstyle=postgres"
    " -c extra_float_digits=1 -c bytea_output=hex -c client_encoding=UTF8"
)

_HEADER = struct.Struct(">QQQ")
_KEEPALIVE = struct.Struct(">QQB")
_FEEDBACK = struct.Struct(">cQQQQB")
_POSTGRES_EPOCH_SECONDS = 946_684_800
_XLOG_DATA = ord("w")


class ReplicationConnection:
    """A walsender streaming one slot. One thread at a time may use it."""

    def __init__(self, url: str | None = None) -> None:
        self._connection = connect(
            url, autocommit=True, replication="database", options=TEXT_FORMAT_OPTIONS
        )
        self._pgconn = self._connection.pgconn
        self._last_feedback = 0.0
        self._must_reply = False
        self._silence_seconds = LONGEST_SILENCE_SECONDS
        self.confirmed_lsn = 0
        # Everything that commits below this has been handed out by `poll`.
        self.sent_lsn = 0

    def start(self, slot: str, publication: str, lsn: int) -> None:
        """Stream `slot` from `lsn`. Raises StateConflict where another process holds it."""
        quoted = publication.replace('"', '""').replace("'", "''")
        statement = (
            f'START_REPLICATION SLOT "{slot}" LOGICAL {lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}'
            f" (proto_version '1', publication_names '\"{quoted}\"')"
        )
        try:
            self._silence_seconds = self._allowed_silence()
            self._connection.execute(statement.encode())
        except psycopg.errors.ObjectInUse as error:
            raise StateConflict(
                f"replication slot {slot} is in use: {error.diag.message_primary}"
            ) from error
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"DATABASE_URL: replication did not start: {error}") from error
        self.confirmed_lsn = lsn
        self.sent_lsn = lsn

    def poll(self, timeout: float, take: Callable[[bytes], None]) -> bool:
        """Hand what has arrived to `take`; wait up to `timeout` for the first. True if any came."""
        try:
            polled = self._read_available(take)
            if not polled and self._wait(timeout):
                self._pgconn.consume_input()
                polled = self._read_available(take)
            self._keep_alive()
        except psycopg.OperationalError as error:
            raise StoreUnavailable(
                f"DATABASE_URL: the replication stream broke: {error}"
            ) from error
        return polled > 0

    def confirm(self, lsn: int) -> None:
        """All that committed up to `lsn` is durable elsewhere: PostgreSQL may forget it."""
        if lsn > self.confirmed_lsn:
            self.confirmed_lsn = lsn
            self._send_feedback()

    def keep_alive(self) -> None:
        """Send feedback if it is due; for use while nothing is read."""
        try:
            self._keep_alive()
        except psycopg.OperationalError as error:
            raise StoreUnavailable(
                f"DATABASE_URL: the replication stream broke: {error}"
            ) from error

    def close(self) -> None:
        """Leave the stream; the slot stays."""
        self._connection.close()

    def _allowed_silence(self) -> float:
        """A third of what PostgreSQL waits for us, so that one late reply does no harm."""
        row = self._connection.execute(
            b"SELECT setting::float8 / 1000 FROM pg_settings WHERE name = 'wal_sender_timeout'"
        ).fetchone()
        timeout = float(row[0]) if row else 0.0
        return min(LONGEST_SILENCE_SECONDS, timeout / 3) if timeout else LONGEST_SILENCE_SECONDS

    def _read_available(self, take: Callable[[bytes], None]) -> int:
        polled = 0
        while polled < MAX_POLLED_BYTES:
            size, data = self._pgconn.get_copy_data(1)
            if size > 0:
                polled += size
                self._handle(bytes(data), take)
            elif size == 0:
                break
            else:
                self._raise_end()
        return polled

    def _handle(self, data: bytes, take: Callable[[bytes], None]) -> None:
        if data[0] == _XLOG_DATA:
            take(data[25:])
            return
        end, _, wants_reply = _KEEPALIVE.unpack_from(data, 1)
        self.sent_lsn = max(self.sent_lsn, end)
        self._must_reply = self._must_reply or bool(wants_reply)

    def _wait(self, timeout: float) -> bool:
        return bool(select.select([self._pgconn.socket], [], [], timeout)[0])

    def _keep_alive(self) -> None:
        due = time.monotonic() - self._last_feedback > self._silence_seconds
        if self._must_reply or due:
            self._send_feedback()

    def _send_feedback(self) -> None:
        micros = int((time.time() - _POSTGRES_EPOCH_SECONDS) * 1_000_000)
        received = max(self.sent_lsn, self.confirmed_lsn)
        self._pgconn.put_copy_data(
            _FEEDBACK.pack(b"r", received, self.confirmed_lsn, self.confirmed_lsn, micros, 0)
        )
        self._pgconn.flush()
        self._must_reply = False
        self._last_feedback = time.monotonic()

    def _raise_end(self) -> None:
        result = self._pgconn.get_result()
        reason = result.error_message.decode(errors="replace").strip() if result else ""
        raise StoreUnavailable(
            f"DATABASE_URL: PostgreSQL ended the replication stream: {reason or 'it shut down'}"
        )


def _broken(error: psycopg.Error) -> StoreUnavailable:
    return StoreUnavailable(f"DATABASE_URL: the replication stream broke: {error}")
