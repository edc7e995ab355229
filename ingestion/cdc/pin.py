"""One moment of the source: a log position, and a view of the rows as they were there.

Belongs here: how the two are had together. A temporary replication slot exports a snapshot whose
rows are exactly what was committed before the slot's consistent point; nothing is locked, and the
slot is gone again before the first row is read. What is compared there belongs to `compare`.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ingestion.cdc.halt import Halt
from ingestion.cdc.positions import parse_lsn
from ingestion.cdc.treatments import source_options
from stores.errors import StateConflict, StoreUnavailable
from stores.postgres.client import Connection, Error, connect
from stores.postgres.replication import TEXT_FORMAT_OPTIONS

LOCK_NOT_AVAILABLE, CONFIGURATION_LIMIT = "55P03", "53400"


class PinnedSource:
    """A read-only transaction that sees what was committed before `lsn`, and nothing else."""

    def __init__(self, connection: Connection, lsn: int, halt: Halt) -> None:
        self._connection = connection
        self._halt = halt
        self.lsn = lsn

    def query(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows. The table is given back at once: an ALTER never waits for the other tables."""
        self._halt.check()
        with self._connection.transaction(force_rollback=True):
            return self._connection.execute(sql.encode(), parameters).fetchall()


@contextmanager
def pinned(url: str, timeout_seconds: float, halt: Halt) -> Iterator[PinnedSource]:
    """The source at a position of now; `halt` ends what then waits for it.

    Raises StoreUnavailable where transactions that are open keep the position from being found
    within `timeout_seconds`, StateConflict where the source has no replication slot left.
    """
    limit = f" -c statement_timeout={max(1, int(timeout_seconds * 1000))}"
    with (
        connect(
            url, autocommit=True, options=TEXT_FORMAT_OPTIONS + limit + source_options()
        ) as connection,
        halt.covering(connection),
    ):
        with _exported(url, timeout_seconds, halt) as (lsn, snapshot):
            connection.execute(b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'".encode())
        # Millions of keys against millions of rows: only a hash does that.
        connection.execute(b"SET LOCAL enable_nestloop = off")
        connection.execute(b"SET LOCAL lock_timeout = '5s'")
        yield PinnedSource(connection, lsn, halt)


@contextmanager
def _exported(url: str, timeout_seconds: float, halt: Halt) -> Iterator[tuple[int, str]]:
    """The snapshot can be taken over until the connection that made it goes on."""
    # A replication command knows no statement_timeout; it waits for open transactions as for locks.
    options = f"-c lock_timeout={max(1, int(timeout_seconds * 1000))}"
    with (
        connect(url, autocommit=True, replication="database", options=options) as walsender,
        halt.covering(walsender),
    ):
        name = f"verify_{uuid.uuid4().hex}"
        try:
            row = walsender.execute(
                f'CREATE_REPLICATION_SLOT "{name}" TEMPORARY LOGICAL pgoutput'
                " (SNAPSHOT 'export')".encode()
            ).fetchone()
        except Error as error:
            raise _explained(error, timeout_seconds) from error
        if row is None:
            raise StoreUnavailable("PostgreSQL made no replication slot and did not say why")
        yield parse_lsn(row[1]), row[2]


def _explained(error: Error, timeout_seconds: float) -> Exception:
    if error.sqlstate == LOCK_NOT_AVAILABLE:
        return StoreUnavailable(
            f"transactions open for more than {timeout_seconds:.0f} s keep a log position from"
            " being pinned; see SELECT pid, xact_start, state FROM pg_stat_activity WHERE"
            " backend_xid IS NOT NULL, or give more time with --timeout"
        )
    if error.sqlstate == CONFIGURATION_LIMIT:
        return StateConflict(
            "the source has no replication slot left for the moment of a comparison; raise"
            " max_replication_slots, or drop a slot that nobody reads"
        )
    return error
