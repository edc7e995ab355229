"""Which captures a ClickHouse knows, by slot: for commands about one that exists already.

Belongs here: what a capture was made for, and how to name the others where a slot is unknown.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from ingestion.cdc.source import SourceDatabase
from ingestion.cdc.state import DATABASE, Source
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import Error as ClickHouseError
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import StateConflict, TransientError
from stores.settings import set_in_environment

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options


def as_made(
    chosen: "Options", *, publication: str | None, target_database: str | None
) -> "Options":
    """With the publication and target database that the slot was made for, where none is given
    and none is set."""
    try:
        client = connect_clickhouse(chosen.clickhouse_url)
        known = _sources(client).get(chosen.slot)
    except (TransientError, ClickHouseError):
        return chosen
    if known is None:
        return chosen
    made_for, into = known
    if set_in_environment(("capture_publication",)):
        publication = chosen.publication
    return replace(
        chosen,
        publication=publication or made_for,
        target_database=target_database or into,
    )


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
