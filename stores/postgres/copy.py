"""COPY … TO STDOUT in large pieces: psycopg's own loop gives a row at a time.

Belongs here: reading what a COPY sends, fast, and leaving one in its middle. What is copied is
the caller's business.
"""

import select
from collections.abc import Generator

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow

Connection = psycopg.Connection[TupleRow]

# Small enough to stay in the processor's cache on its way into the next socket.
PIECE_BYTES = 1 << 16
# A server that is alive has sent something by then, even behind a filter that passes little.
SILENCE_SECONDS = 300.0
_CANCEL_SECONDS = 5.0


def copy_out(
    connection: Connection, statement: bytes, silence_seconds: float = SILENCE_SECONDS
) -> Generator[bytes, None, None]:
    """What `statement` (COPY … TO STDOUT) sends, in pieces of whole rows.

    To close the generator before its end cancels the COPY. Raises psycopg.OperationalError where
    PostgreSQL is silent for too long, and whatever error PostgreSQL answers with.
    """
    connection.pgconn.send_query(statement)
    is_ended = False
    try:
        started = _result(connection, silence_seconds)
        if started is None or started.status != ExecStatus.COPY_OUT:
            is_ended = True
            _end(connection, started, silence_seconds)
            return
        yield from _pieces(connection, silence_seconds)
        is_ended = True
        _end(connection, _result(connection, silence_seconds), silence_seconds)
    finally:
        if not is_ended:
            _abandon(connection)


def _pieces(connection: Connection, silence_seconds: float) -> Generator[bytes, None, None]:
    """Each row is appended at once: what libpq returns is tracked by the cyclic garbage
    collector, which a list of them would keep busy for a third of the time."""
    get, piece = connection.pgconn.get_copy_data, bytearray()
    while True:
        size, row = get(1)
        if size > 0:
            piece += row
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        elif size == 0:
            _wait(connection, silence_seconds)
        else:
            break
    if piece:
        yield bytes(piece)


def _wait(connection: Connection, seconds: float) -> None:
    if not select.select([connection.pgconn.socket], [], [], seconds)[0]:
        raise psycopg.OperationalError(f"COPY: PostgreSQL sent nothing for {seconds:.0f} s")
    connection.pgconn.consume_input()


def _result(connection: Connection, silence_seconds: float) -> PGresult | None:
    while connection.pgconn.flush():
        select.select([], [connection.pgconn.socket], [], silence_seconds)
    while connection.pgconn.is_busy():
        _wait(connection, silence_seconds)
    return connection.pgconn.get_result()


def _end(connection: Connection, result: PGresult | None, silence_seconds: float) -> None:
    """Take the last word, which may be an error."""
    while _result(connection, silence_seconds) is not None:
        pass
    if result is not None and result.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result)


def _abandon(connection: Connection) -> None:
    """The connection is good again once PostgreSQL has answered the cancellation; else it is
    closed, which ends the COPY too."""
    try:
        connection.cancel_safe(timeout=_CANCEL_SECONDS)
        for _ in _pieces(connection, _CANCEL_SECONDS):
            pass
        while _result(connection, _CANCEL_SECONDS) is not None:
            pass
    except psycopg.Error:
        connection.close()
