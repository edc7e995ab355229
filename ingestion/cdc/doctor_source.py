"""The source server as capture needs it: log, role, room for its slot, publication.

Belongs here: read-only questions to PostgreSQL that concern no single table; those are
`doctor_tables`. Nothing here needs more rights than capture itself.
"""

from collections.abc import Callable, Iterator
from typing import Any

from ingestion.cdc.alerts import LITTLE_ROOM
from ingestion.cdc.catalog import MINIMUM_VERSION
from ingestion.cdc.findings import Finding, error, human_bytes, ok, warning
from ingestion.cdc.source import SourceDatabase, quote_source

LONG_TRANSACTION_SECONDS = 300
SHORT_WAL_SENDER_TIMEOUT_MS = 10_000
FAILOVER_SINCE, IDLE_TIMEOUT_SINCE = 170_000, 180_000


class SourceServer:
    """Asks one server; `slot` and `publication` need not exist yet."""

    def __init__(self, database: SourceDatabase, slot: str, publication: str) -> None:
        self._database = database
        self._slot = slot
        self._publication = publication
        self._settings: dict[str, str] = {}
        self._version = 0

    def findings(self) -> Iterator[Finding]:
        """Every finding, in the order in which they are best mended."""
        self._read_settings()
        checks: tuple[Callable[[], Iterator[Finding]], ...] = (
            self._server,
            self._role,
            self._publication_exists,
            self._slots,
            self._own_slot,
            self._kept_log,
            self._timeouts,
            self._heartbeat,
            self._open_transactions,
        )
        for check in checks:
            yield from check()

    def _read_settings(self) -> None:
        # In the settings' own units: 8 kB, MB, ms or s, as `pg_settings.unit` says.
        rows = self._database.query("SELECT name, setting FROM pg_settings")
        self._settings = dict(rows)
        self._version = int(self._settings["server_version_num"])

    def _server(self) -> Iterator[Finding]:
        release = self._settings["server_version"]
        if self._version < MINIMUM_VERSION:
            yield error(
                "server version", f"PostgreSQL {release}; capture needs 15 or newer.", "Upgrade it."
            )
        else:
            yield ok("server version", f"PostgreSQL {release}.")
        level = self._settings["wal_level"]
        if level == "logical":
            yield ok("wal_level", "logical: the log says which rows changed.")
        else:
            yield error(
                "wal_level",
                f"It is {level}: the log does not say which rows changed.",
                "ALTER SYSTEM SET wal_level = logical; -- then restart PostgreSQL",
            )
        if self._one("SELECT pg_is_in_recovery()"):
            yield warning(
                "server role",
                "This is a standby: its slot depends on the primary's settings, and it cannot take"
                " the heartbeat.",
                "Capture from the primary if you can.",
            )

    def _role(self) -> Iterator[Finding]:
        name, may_replicate, is_superuser = self._database.query(
            "SELECT current_user::text, rolreplication OR rolsuper OR EXISTS ("
            "SELECT FROM pg_roles r WHERE r.rolname = 'rds_replication'"
            " AND pg_has_role(current_user, r.oid, 'member')), rolsuper"
            " FROM pg_roles WHERE rolname = current_user"
        )[0]
        if not may_replicate:
            yield error(
                "role",
                f"{name} may not replicate.",
                f"ALTER ROLE {quote_source(name)} REPLICATION;",
            )
        elif is_superuser:
            yield warning(
                "role",
                f"{name} is a superuser, far more than capture needs.",
                "CREATE ROLE capture LOGIN REPLICATION PASSWORD '…'; -- and SELECT on each table",
            )
        else:
            yield ok("role", f"{name} may replicate and is no superuser.")

    def _publication_exists(self) -> Iterator[Finding]:
        subject, name = "publication", quote_source(self._publication)
        rows = self._database.query(
            "SELECT pubinsert, pubupdate, pubdelete, pubtruncate,"
            " (SELECT count(*) FROM pg_publication_tables t WHERE t.pubname = p.pubname)"
            " FROM pg_publication p WHERE pubname = %s",
            [self._publication],
        )
        if not rows:
            yield error(
                subject,
                f"There is none of the name {self._publication}.",
                f"CREATE PUBLICATION {name} FOR TABLE …; -- by the owner of the tables",
            )
            return
        *published, count = rows[0]
        missing = [
            operation
            for operation, is_published in zip(
                ("insert", "update", "delete", "truncate"), published, strict=True
            )
            if not is_published
        ]
        if missing:
            yield error(
                subject,
                f"It leaves out {', '.join(missing)}: rows in ClickHouse would silently be wrong.",
                f"ALTER PUBLICATION {name} SET (publish = 'insert, update, delete, truncate');",
            )
        elif not count:
            yield warning(subject, "It has no table.", f"ALTER PUBLICATION {name} ADD TABLE …;")
        else:
            yield ok(subject, f"{self._publication} publishes every change of {count} tables.")

    def _slots(self) -> Iterator[Finding]:
        used, has_own = self._database.query(
            "SELECT count(*), count(*) FILTER (WHERE slot_name = %s) FROM pg_replication_slots",
            [self._slot],
        )[0]
        free = int(self._settings["max_replication_slots"]) - int(used)
        remedy = (
            "ALTER SYSTEM SET max_replication_slots = "
            f"{int(self._settings['max_replication_slots']) + 5}; -- then restart PostgreSQL"
        )
        if free < 1 and not has_own:
            yield error("replication slots", f"All {used} are in use.", remedy)
        elif free < (1 if has_own else 2):
            yield warning(
                "replication slots",
                "There is none left for the moment that `cdc verify` takes one.",
                remedy,
            )
        else:
            yield ok("replication slots", f"{free} are free.")
        senders = int(self._one("SELECT count(*) FROM pg_stat_replication"))
        left = int(self._settings["max_wal_senders"]) - senders
        if left < 1:
            yield error(
                "wal senders",
                f"All {senders} are in use.",
                "ALTER SYSTEM SET max_wal_senders = "
                f"{int(self._settings['max_wal_senders']) + 5}; -- then restart PostgreSQL",
            )
        else:
            yield ok("wal senders", f"{left} are free.")

    def _own_slot(self) -> Iterator[Finding]:
        subject = f"slot {self._slot}"
        failover = "failover" if self._version >= FAILOVER_SINCE else "false"
        rows = self._database.query(
            "SELECT plugin, database = current_database(), wal_status, safe_wal_size, active,"
            f" coalesce(pg_wal_lsn_diff({self._here()}, restart_lsn), 0)::int8, {failover}"
            " FROM pg_replication_slots WHERE slot_name = %s",
            [self._slot],
        )
        if not rows:
            yield ok(subject, "It does not exist yet; the first `cdc run` makes it.")
            return
        plugin, is_here, status, room, is_active, held, has_failover = rows[0]
        if plugin != "pgoutput" or not is_here:
            yield error(
                subject,
                f"It belongs to {plugin or 'physical replication'}"
                f"{'' if is_here else ' of another database'}, not to capture.",
                "Give capture a name of its own: --slot NAME, or CAPTURE_SLOT.",
            )
            return
        yield self._room(subject, status, held, room, is_active=is_active)
        if self._version >= FAILOVER_SINCE and not has_failover:
            yield from self._failover(subject)

    def _room(
        self, subject: str, status: str, held: int, room: int | None, *, is_active: bool
    ) -> Finding:
        reader = "a capture reads it" if is_active else "nobody reads it now"
        text = f"It holds {human_bytes(held)} of log; {reader}."
        if status == "lost":
            return error(
                subject,
                "PostgreSQL threw its log away: changes may be lost.",
                "interview-data cdc resync --all",
            )
        limit = int(self._settings["max_slot_wal_keep_size"]) << 20
        if status == "unreserved" or (room is not None and room < LITTLE_ROOM * limit):
            return error(
                subject,
                f"{text} It is close to being thrown away:"
                f" {human_bytes(max(0, room or 0))} are left.",
                "Start capture, or at once: ALTER SYSTEM SET max_slot_wal_keep_size = "
                f"'{max(1, (limit >> 20) * 2)}MB'; SELECT pg_reload_conf();",
            )
        return ok(subject, text)

    def _failover(self, subject: str) -> Iterator[Finding]:
        standbys = int(
            self._one("SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical'")
        )
        if standbys:
            yield warning(
                subject,
                f"It is no failover slot: after a failover to one of {standbys} standbys it is"
                " gone.",
                "Stop capture, then by a connection with replication=database:"
                f" ALTER_REPLICATION_SLOT {quote_source(self._slot)} (FAILOVER true);"
                " and on the standby sync_replication_slots = on",
            )

    def _kept_log(self) -> Iterator[Finding]:
        limit = int(self._settings["max_slot_wal_keep_size"])
        subject = "max_slot_wal_keep_size"
        if limit < 0:
            yield warning(
                subject,
                "There is no limit: a capture that is stopped for long fills the source's disk.",
                "ALTER SYSTEM SET max_slot_wal_keep_size = '50GB'; SELECT pg_reload_conf();"
                " -- less than the disk has, more than an outage writes",
            )
        else:
            yield ok(
                subject, f"{human_bytes(limit << 20)}: more than that behind, the slot is lost."
            )
        idle = int(self._settings.get("idle_replication_slot_timeout", "0"))
        if idle:
            yield warning(
                "idle_replication_slot_timeout",
                "A capture that is stopped for longer than this loses its slot.",
                "ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf();",
            )

    def _timeouts(self) -> Iterator[Finding]:
        timeout, subject = int(self._settings["wal_sender_timeout"]), "wal_sender_timeout"
        if timeout == 0:
            yield warning(
                subject,
                "It is off: a capture that died is not noticed, and its slot stays taken.",
                "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();",
            )
        elif timeout < SHORT_WAL_SENDER_TIMEOUT_MS:
            yield warning(
                subject,
                f"{timeout} ms is short for a network that stumbles.",
                "ALTER SYSTEM SET wal_sender_timeout = '60s'; SELECT pg_reload_conf();",
            )
        else:
            yield ok(subject, f"{timeout // 1000} s.")

    def _heartbeat(self) -> Iterator[Finding]:
        subject = "heartbeat"
        # Its arguments grew with PostgreSQL 17.
        found, may_execute = self._database.query(
            "SELECT p.oid::regprocedure::text, has_function_privilege(p.oid, 'EXECUTE')"
            " FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace"
            " AND p.proname = 'pg_logical_emit_message'"
            " AND p.proargtypes[2] = 'text'::regtype"
        )[0]
        if may_execute:
            yield ok(subject, "An idle database's slot moves on by messages in the log.")
        else:
            role = quote_source(str(self._one("SELECT current_user::text")))
            yield warning(
                subject,
                "The role may not write messages into the log: while this database is idle and"
                " others are busy, lag is not known.",
                f"GRANT EXECUTE ON FUNCTION {found} TO {role};",
            )

    def _open_transactions(self) -> Iterator[Finding]:
        rows = self._database.query(
            "SELECT pid, extract(epoch FROM now() - xact_start)::int8 FROM pg_stat_activity"
            " WHERE backend_xid IS NOT NULL AND xact_start < now() - make_interval(secs => %s)"
            " ORDER BY xact_start LIMIT 5",
            [LONG_TRANSACTION_SECONDS],
        )
        for pid, seconds in rows:
            yield warning(
                f"transaction of process {pid}",
                f"Open for {seconds} s: until it ends no slot can be made, no table read anew, and"
                " the log it began in is kept.",
                f"SELECT pg_terminate_backend({int(pid)}); -- once you know what it does",
            )
        count = int(self._one("SELECT count(*) FROM pg_prepared_xacts"))
        if count:
            yield warning(
                "prepared transactions",
                f"{count} wait for COMMIT PREPARED or ROLLBACK PREPARED and hold the log.",
                "SELECT gid, prepared, owner FROM pg_prepared_xacts;",
            )

    def _here(self) -> str:
        """Where the log is; a standby asks differently."""
        return (
            "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
            " ELSE pg_current_wal_lsn() END"
        )

    def _one(self, sql: str) -> Any:
        return self._database.query(sql)[0][0]
