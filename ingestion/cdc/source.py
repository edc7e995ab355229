"""The source database as capture uses it beside the log: slot, positions, blocks, single rows.

Belongs here: ordinary queries of the source. The log's own stream is
`stores.postgres.replication`; what the catalogue says of tables is `catalog`.
"""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ingestion.cdc.catalog import MINIMUM_VERSION
from ingestion.cdc.layout import Layout
from ingestion.cdc.positions import parse_lsn
from stores.errors import SettingInvalid, StateConflict, StoreUnavailable, TransientError
from stores.postgres.client import (
    Connection,
    Error,
    LockNotAvailable,
    OperationalError,
    connect,
    name_of,
)
from stores.postgres.copy import copy_out
from stores.postgres.replication import TEXT_FORMAT_OPTIONS
from stores.settings import load_settings

_ASYNCHRONOUS_COMMIT_SECONDS = 1.0
INSUFFICIENT_PRIVILEGE = "42501"
_CONFIGURATION_LIMIT = "53400"


class SlotBusy(StateConflict):
    """Another process captures through this slot now."""


class TableLocked(TransientError):
    """Another session holds the table at the source, and we do not wait behind it."""


@dataclass(frozen=True)
class Slot:
    """A replication slot as PostgreSQL describes it."""

    name: str
    plugin: str
    database: str
    confirmed_lsn: int
    wal_status: str
    active_pid: int | None


class SourceDatabase:
    """One ordinary connection, opened when first needed and again after it broke."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._use = threading.RLock()
        self._lock_timeout_ms = 0

    @property
    def connection(self) -> Connection:
        """The connection; opened now if there is none."""
        if self._connection is None or self._connection.closed:
            options = f"{TEXT_FORMAT_OPTIONS} -c lock_timeout={self._lock_timeout_ms}"
            self._connection = connect(self._url, autocommit=True, options=options)
        return self._connection

    def limit_lock_waits(self, milliseconds: int) -> None:
        """From now on a table that another session holds is TableLocked after this long."""
        self._lock_timeout_ms = milliseconds
        self.query("SELECT set_config('lock_timeout', %s, false)", [str(milliseconds)])

    def close(self) -> None:
        """Close it, which also gives up the lock."""
        if self._connection is not None:
            self._connection.close()

    def query(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._use, self.told_apart():
            return self.connection.execute(sql.encode(), parameters).fetchall()

    @contextmanager
    def told_apart(self) -> Iterator[None]:
        """A broken connection is StoreUnavailable, so that it is tried again."""
        try:
            yield
        except LockNotAvailable as error:
            raise TableLocked("a table is locked at the source by another session") from error
        except OperationalError as error:
            raise StoreUnavailable(
                f"{name_of(self._url)}: PostgreSQL went away: {error}"
            ) from error

    def check(self, publication: str) -> None:
        """What capture cannot do without. Raises SettingInvalid naming it and the remedy."""
        rows = self.query(
            "SELECT current_setting('server_version_num')::int, current_setting('wal_level'),"
            " (SELECT count(*) FROM pg_publication WHERE pubname = %s),"
            " (SELECT rolreplication OR rolsuper OR EXISTS (SELECT FROM pg_roles r WHERE"
            # What a managed service grants in place of the attribute.
            " r.rolname = 'rds_replication' AND pg_has_role(current_user, r.oid, 'member'))"
            " FROM pg_roles WHERE rolname = current_user)",
            [publication],
        )
        version, level, publications, may_replicate = rows[0]
        name = name_of(self._url)
        if version < MINIMUM_VERSION:
            raise SettingInvalid(name, "change capture needs PostgreSQL 15 or newer.")
        if level != "logical":
            raise SettingInvalid(
                name,
                f"wal_level is {level}; change capture needs logical.",
                "ALTER SYSTEM SET wal_level = logical, then restart PostgreSQL.",
            )
        if not may_replicate:
            role = quote_source(str(self.query("SELECT current_user::text")[0][0]))
            raise SettingInvalid(
                name, f"role {role} may not replicate.", f"ALTER ROLE {role} REPLICATION;"
            )
        if not publications:
            raise SettingInvalid(
                "--publication or CAPTURE_PUBLICATION",
                f"{name} has no publication {publication}.",
                f"There: CREATE PUBLICATION {quote_source(publication)} FOR TABLE …;",
            )

    def identity(self) -> tuple[str, str]:
        """The cluster's identifier and the database's name."""
        try:
            rows = self.query(
                "SELECT system_identifier::text, current_database() FROM pg_control_system()"
            )
        except Error as error:
            if error.sqlstate != INSUFFICIENT_PRIVILEGE:
                raise
            # A replication connection is told the same without that right.
            with (
                self.told_apart(),
                connect(self._url, autocommit=True, replication="database") as walsender,
            ):
                rows = walsender.execute(b"IDENTIFY_SYSTEM").fetchall()
            return rows[0][0], rows[0][3]
        return rows[0][0], rows[0][1]

    def lock(self, slot: str) -> None:
        """One capture per slot. Raises SlotBusy where another holds it."""
        rows = self.query("SELECT pg_try_advisory_lock(hashtextextended(%s, 7240613))", [slot])
        if not rows[0][0]:
            raise SlotBusy(
                f"another capture of slot {slot} is running; stop it, or wait for it to follow"
            )

    def slot(self, name: str) -> Slot | None:
        """The slot, if it exists."""
        rows = self.query(
            "SELECT slot_name, plugin, database, coalesce(confirmed_flush_lsn, '0/0')::text,"
            " coalesce(wal_status, ''), active_pid FROM pg_replication_slots WHERE slot_name = %s",
            [name],
        )
        if not rows:
            return None
        slot, plugin, database, confirmed, status, pid = rows[0]
        return Slot(slot, plugin, database, parse_lsn(confirmed), status, pid)

    def create_slot(self, name: str) -> int:
        """Make the slot; its consistent point. Waits for transactions that are under way."""
        # On 17 and newer its last argument makes standbys keep the slot too, so that it outlives a
        # failover; a standby itself refuses that.
        failover = ""
        if self._has_failover_slots() and load_settings().capture_failover_slot:
            failover = ", failover => true"
        try:
            made = f"pg_create_logical_replication_slot(%s, 'pgoutput'{failover})"
            rows = self.query(f"SELECT lsn::text FROM {made}", [name])
        except StoreUnavailable as error:
            if getattr(error.__cause__, "sqlstate", None) != _CONFIGURATION_LIMIT:
                raise
            raise StateConflict(
                "the source has no replication slot left; raise max_replication_slots and restart"
                " PostgreSQL, or drop a slot that nobody reads: SELECT slot_name, active FROM"
                " pg_replication_slots"
            ) from error
        return parse_lsn(rows[0][0])

    def _has_failover_slots(self) -> bool:
        asked = "SELECT current_setting('server_version_num')::int >= 170000"
        return bool(self.query(f"{asked} AND NOT pg_is_in_recovery()")[0][0])

    def drop_slot(self, name: str) -> None:
        """Give the slot up, and with it everything not yet read."""
        self.query("SELECT pg_drop_replication_slot(%s)", [name])

    def current_lsn(self) -> int:
        """A position below which lies everything committed by now, and which the log reaches."""
        deadline = time.monotonic() + _ASYNCHRONOUS_COMMIT_SECONDS
        written = self._position("pg_current_wal_insert_lsn()")
        flushed = self._position("pg_current_wal_flush_lsn()")
        while flushed < written and time.monotonic() < deadline:
            time.sleep(0.01)
            flushed = self._position("pg_current_wal_flush_lsn()")
        return min(written, flushed)

    def writers_of(self, oids: list[int]) -> set[str]:
        """The transactions that may have written to one of these tables and are not over: until
        what they committed is visible to everybody, they hold their lock."""
        rows = self.query(
            "SELECT DISTINCT virtualtransaction FROM pg_locks JOIN pg_database AS d"
            " ON d.oid = pg_locks.database WHERE d.datname = current_database() AND granted"
            " AND locktype = 'relation' AND relation = ANY(%s) AND mode IN ('RowExclusiveLock',"
            " 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')",
            [oids],
        )
        return {name for (name,) in rows}

    def read_row(
        self, schema: str, name: str, layout: Layout, wanted: list[str], key: list[str]
    ) -> dict[str, bytes | None] | None:
        """The text of some columns of one row as they are now; None where there is no such row."""
        wanted = [column for column in wanted if column in layout.stored_names]
        names = [quote_source(column) for column in wanted]
        texts = "".join(
            f", CASE WHEN num_nulls({name}) = 0 THEN format('%%s', {name}) END" for name in names
        )
        where = " AND ".join(f"{quote_source(column)} = %s" for column in layout.key)
        rows = self.query(f"SELECT 1{texts} FROM {table_name(schema, name)} WHERE {where}", [*key])
        if not rows:
            return None
        return {
            column: None if text is None else str(text).encode()
            for column, text in zip(wanted, rows[0][1:], strict=True)
        }

    @contextmanager
    def reading(self, table: str) -> Iterator[int]:
        """A read-only transaction that keeps the table from being rewritten; its file node."""
        with self._use, self.told_apart(), self.connection.transaction():
            self.connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self.connection.execute(f"LOCK TABLE ONLY {table} IN ACCESS SHARE MODE".encode())
            row = self.connection.execute(
                "SELECT pg_relation_filenode(%s::regclass)", [table]
            ).fetchone()
            yield int(row[0]) if row and row[0] else 0

    def copy_blocks(
        self, table: str, columns: tuple[str, ...], row_filter: str | None, first: int, last: int
    ) -> Generator[bytes, None, None]:
        """The rows of `table` in blocks `first` up to, not including, `last`, as COPY's text."""
        names = ", ".join(quote_source(column) for column in columns)
        where = f"ctid >= '({first},0)' AND ctid < '({last},0)'"
        if row_filter:
            where += f" AND ({row_filter})"
        statement = f"COPY (SELECT {names} FROM ONLY {table} WHERE {where}) TO STDOUT"
        with self.told_apart():
            yield from copy_out(self.connection, statement.encode())

    def table_bytes(self, schema: str, name: str) -> int:
        """The size of a table on disk, large values beside the heap included, indexes not."""
        rows = self.query("SELECT pg_table_size(%s::regclass)", [table_name(schema, name)])
        return int(rows[0][0])

    def _position(self, function: str) -> int:
        return parse_lsn(self.query(f"SELECT {function}::text")[0][0])


def table_name(schema: str, name: str) -> str:
    """A PostgreSQL table's full name, quoted."""
    return f"{quote_source(schema)}.{quote_source(name)}"


def quote_source(name: str) -> str:
    """A PostgreSQL identifier."""
    return '"' + name.replace('"', '""') + '"'
