"""Which captures a ClickHouse knows, by slot: for commands about one that exists already.

Belongs here: what a capture was made for, and how to name the others where a slot is unknown.
"""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ingestion.cdc.source import SourceDatabase
from ingestion.cdc.state import DATABASE, Source
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import InputInvalid, StateConflict
from stores.settings import set_in_environment

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options

# Questions about a few rows: what takes longer does not answer.
ANSWER_SECONDS = 10
# Capture's own memory, and ClickHouse's.
_NOT_FOR_ROWS = {DATABASE, "system", "information_schema"}


def as_made(
    chosen: "Options", *, publication: str | None, target_database: str | None
) -> "Options":
    """With the publication and target database that the slot was made for, where none is given
    and none is set. Raises StoreUnavailable, or the driver's error, where ClickHouse is asked
    and does not answer."""
    if set_in_environment(("capture_publication",)):
        publication = chosen.publication
    if publication and target_database:
        return chosen
    client = connect_clickhouse(chosen.clickhouse_url, send_receive_timeout=ANSWER_SECONDS)
    known = _sources(client).get(chosen.slot)
    if known is None:
        return chosen
    made_for, into = known
    return replace(
        chosen,
        publication=publication or made_for,
        target_database=target_database or into,
    )


def check_target(name: str) -> None:
    """Raises InputInvalid where a database of ClickHouse must not be filled with captured rows."""
    if not re.fullmatch(r"\w+", name, re.ASCII):
        raise InputInvalid("--target-database", "must be of letters, digits and _ only")
    if name.lower() in _NOT_FOR_ROWS:
        raise InputInvalid("--target-database", f"must be another than {name}, which is in use")


def others(client: ClickHouseClient, slot: str) -> str:
    """A hint at the slots that are captured, where nothing is through `slot`; or nothing."""
    known = _sources(client)
    if slot in known or not known:
        return ""
    return f"; captured are --slot {', --slot '.join(sorted(known))}, not {slot}"


def check_database(known: Source, database: SourceDatabase) -> None:
    """Raises StateConflict where `database` is not the one that the slot captures."""
    system, name = database.identity()
    if (system, name) == (known.system_identifier, known.source_database):
        return
    cluster = "" if system == known.system_identifier else " of another PostgreSQL cluster"
    raise StateConflict(
        f"slot {known.slot} captures database {known.source_database}{cluster}, not {name};"
        " give its --source, or another --slot"
    )


def _sources(client: ClickHouseClient) -> dict[str, tuple[str, str]]:
    """Publication and target database by slot."""
    if not client.query(f"EXISTS TABLE {DATABASE}.sources").result_rows[0][0]:
        return {}
    rows = client.query(
        f"SELECT slot, publication, target_database FROM {DATABASE}.sources FINAL"
    ).result_rows
    return {slot: (publication, target) for slot, publication, target in rows}
