"""A preflight: what capture needs of both sides, each with what to run where it is missing.

Belongs here: putting the findings together. It changes nothing, needs no more rights than capture
itself, and works before capture has ever run as well as while it runs.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.cdc.catalog import published_tables
from ingestion.cdc.doctor_source import SourceServer
from ingestion.cdc.doctor_tables import table_findings
from ingestion.cdc.doctor_target import target_findings
from ingestion.cdc.findings import Finding, error, human_bytes, ok, warning
from ingestion.cdc.names import targets
from ingestion.cdc.run import options
from ingestion.cdc.source import SourceDatabase
from stores.clickhouse.client import Error as ClickHouseError
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import TransientError
from stores.postgres.client import Error as PostgresError

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options

# Twice a transaction of two million rows of a kilobyte.
LITTLE_SPILL_BYTES = 4 << 30


def examine(chosen: "Options | None" = None) -> list[Finding]:
    """Every finding on the source, its tables, this machine and the target."""
    chosen = chosen or options()
    return [*_source(chosen), *_here(chosen), *_target(chosen)]


def _source(chosen: "Options") -> Iterator[Finding]:
    database = SourceDatabase(chosen.source_url)
    try:
        yield from SourceServer(database, chosen.slot, chosen.publication).findings()
        yield from table_findings(database, chosen.publication)
    except TransientError as problem:
        yield error("source", str(problem), "Start it, or correct --source or DATABASE_URL.")
    except PostgresError as problem:
        yield error("source", f"PostgreSQL refused a question: {problem}")
    finally:
        database.close()


def _here(chosen: "Options") -> Iterator[Finding]:
    """Where large transactions are put down until they commit."""
    folder = chosen.spill_folder or Path(tempfile.gettempdir())
    # It is made when it is first needed.
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    text = f"{human_bytes(free)} free in {folder} for large transactions."
    if free < LITTLE_SPILL_BYTES:
        yield warning("disk here", f"Only {text}", "Make room, or set CAPTURE_SPILL_FOLDER.")
    else:
        yield ok("disk here", text)


def _target(chosen: "Options") -> Iterator[Finding]:
    try:
        client = connect_clickhouse(chosen.clickhouse_url)
        yield from target_findings(client, chosen, _published_names(chosen))
    except TransientError as problem:
        yield error("target", str(problem), "Start it, or correct CLICKHOUSE_URL.")
    except ClickHouseError as problem:
        yield error("target", f"ClickHouse refused a question: {str(problem).splitlines()[0]}")


def _published_names(chosen: "Options") -> set[str]:
    """As the tables will be called; none where the source does not answer."""
    database = SourceDatabase(chosen.source_url)
    try:
        found = published_tables(database.connection, chosen.publication)
    except (TransientError, PostgresError):
        return set()
    finally:
        database.close()
    return set(targets((table.oid, table.schema, table.name) for table in found).values())
