"""ClickHouse as capture needs it: version, rights, room, names that are free; and what capture
itself has put aside.

Belongs here: read-only questions to ClickHouse.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ingestion.cdc.findings import Finding, error, human_bytes, ok, warning
from ingestion.cdc.layout import log_database, quote
from ingestion.cdc.state import DATABASE
from stores.clickhouse.client import ClickHouseClient, Error

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options

# ReplacingMergeTree's deleted rows, EXCHANGE TABLES, lazily typed input(): all older than this.
OLDEST_RELEASE = (24, 8)
ONE_MOMENT = "enable_shared_storage_snapshot_in_query"
LITTLE_DISK_BYTES = 5 << 30
_RIGHTS = (
    "CREATE DATABASE",
    "CREATE TABLE",
    "CREATE VIEW",
    "DROP TABLE",
    "INSERT",
    "SELECT",
    "ALTER",
)


def target_findings(
    client: ClickHouseClient, chosen: "Options", published: set[str]
) -> Iterator[Finding]:
    """Every finding. `published` are the names the tables will have in ClickHouse."""
    yield from _server(client)
    yield from _rights(client, chosen)
    yield from _disk(client)
    yield from _names(client, chosen, published)
    yield from _state(client, chosen)


def _server(client: ClickHouseClient) -> Iterator[Finding]:
    release = str(client.query("SELECT version()").result_rows[0][0])
    numbers = tuple(int(part) for part in release.split(".")[:2])
    if numbers < OLDEST_RELEASE:
        wanted = ".".join(map(str, OLDEST_RELEASE))
        yield error("ClickHouse version", f"{release}; capture needs {wanted}.", "Upgrade it.")
    elif not client.query(
        "SELECT count() FROM system.settings WHERE name = {name:String}",
        parameters={"name": ONE_MOMENT},
    ).result_rows[0][0]:
        yield warning(
            "ClickHouse version",
            f"{release} does not know {ONE_MOMENT}: `cdc verify` cannot compare.",
            "Upgrade it.",
        )
    else:
        yield ok("ClickHouse version", f"{release}.")


def _rights(client: ClickHouseClient, chosen: "Options") -> Iterator[Finding]:
    rows = client.query("SELECT value FROM system.settings WHERE name = 'readonly'").result_rows
    if rows and str(rows[0][0]) != "0":
        yield error(
            "ClickHouse rights",
            "The user may only read (its profile has readonly set).",
            "Give CLICKHOUSE_URL a user whose profile may write.",
        )
        return
    databases = (chosen.target_database, log_database(chosen.target_database), DATABASE)
    missing = []
    for name in databases:
        for right in _RIGHTS:
            statement = f"CHECK GRANT {right} ON {quote(name)}.*"
            try:
                is_granted = bool(client.query(statement).result_rows[0][0])
            except Error:
                # A release before 24.10, or an engine without users.
                yield ok("ClickHouse rights", "This ClickHouse does not say; nothing forbids it.")
                return
            if not is_granted:
                missing.append(f"GRANT {right} ON {quote(name)}.* TO CURRENT_USER")
    if missing:
        yield error("ClickHouse rights", f"{len(missing)} are missing.", "; ".join(missing))
    else:
        yield ok("ClickHouse rights", f"All that is needed in {', '.join(databases)}.")


def _disk(client: ClickHouseClient) -> Iterator[Finding]:
    rows = client.query(
        "SELECT name, least(free_space, unreserved_space) FROM system.disks"
        " WHERE type = 'Local' ORDER BY name"
    ).result_rows
    for name, free in rows:
        text = f"{human_bytes(int(free))} free."
        subject = f"ClickHouse disk {name}"
        yield (
            warning(subject, f"Only {text}", "Make room, or add a disk.")
            if free < LITTLE_DISK_BYTES
            else ok(subject, text)
        )


def _names(client: ClickHouseClient, chosen: "Options", published: set[str]) -> Iterator[Finding]:
    rows = client.query(
        "SELECT name, engine FROM system.tables WHERE database = {d:String} AND engine != 'View'",
        parameters={"d": chosen.target_database},
    ).result_rows
    for name, engine in rows:
        if name in published:
            yield error(
                f"ClickHouse table {chosen.target_database}.{name}",
                f"It is a {engine} that capture did not make; a captured table needs its name.",
                "Choose another --target-database, or rename it.",
            )


def _state(client: ClickHouseClient, chosen: "Options") -> Iterator[Finding]:
    """What capture remembers; before its first start, nothing."""
    if not client.query(f"EXISTS TABLE {DATABASE}.tables").result_rows[0][0]:
        yield ok("capture", "It has never run into this ClickHouse.")
        return
    others = client.query(
        f"SELECT slot FROM {DATABASE}.sources FINAL WHERE target_database = {{d:String}}"
        " AND slot != {slot:String}",
        parameters={"d": chosen.target_database, "slot": chosen.slot},
    ).result_rows
    for (slot,) in others:
        yield warning(
            "target database",
            f"The capture of slot {slot} writes into {chosen.target_database} too: tables of the"
            " same name would be one another's.",
            "Give each capture a --target-database of its own.",
        )
    rows = client.query(
        f"SELECT target, state, reason FROM {DATABASE}.tables FINAL WHERE slot = {{slot:String}}"
        " AND state = 'quarantined' ORDER BY target",
        parameters={"slot": chosen.slot},
    ).result_rows
    for target, state, reason in rows:
        yield error(
            f"captured table {target}",
            f"It is {state}: {reason.partition(' Way out: ')[0].rstrip('.')}.",
            f"Mend the cause, then: interview-data cdc resync {target}",
        )
