"""`cdc run` and `cdc status`: change capture, seen from the command line.

Belongs here: the group, the options its commands share, and what is printed. The work is in
`ingestion.cdc`; what is done to one table is in `cdc_tables`, preflight and proof in `cdc_proof`.
"""

import json as json_format
import logging
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options

_Command = Callable[..., None]


def source_options(command: _Command) -> _Command:
    """Whom to read and where to write; each has its setting."""
    for option in (
        click.option("--target-database", default="oltp", show_default=True, help="In ClickHouse."),
        click.option("--slot", help="Replication slot. Default: CAPTURE_SLOT."),
        click.option("--publication", help="Publication to read. Default: CAPTURE_PUBLICATION."),
        click.option("--source", "source_url", help="PostgreSQL. Default: DATABASE_URL."),
    ):
        command = option(command)
    return command


def chosen_options(given: dict[str, Any]) -> "Options":
    """The options of one capture, from what was given and the settings."""
    from ingestion.cdc.run import options
    from stores.errors import InputInvalid
    from stores.settings import URL_SCHEMES

    scheme, separator, _ = (given.get("source_url") or "").partition("://")
    if separator and scheme not in URL_SCHEMES["database_url"]:
        raise InputInvalid("--source", "must start with postgresql:// or postgres://")
    return options(**given)


@click.group()
def cdc() -> None:
    """Bring every change of a PostgreSQL database's tables into ClickHouse."""


@cdc.command()
@click.option("--follow", "is_following", is_flag=True, help="Go on until stopped.")
@click.option(
    "--timeout", "timeout_seconds", default=300.0, show_default=True, help="Seconds; not to follow."
)
@source_options
def run(is_following: bool, timeout_seconds: float, **given: Any) -> None:
    """Read the snapshot if there is none yet, then the log, up to now or for ever."""
    from ingestion.cdc import run as capture

    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    chosen = chosen_options(given)
    if is_following:
        capture.follow(chosen, _until_signalled())
        return
    report = capture.drain(timeout_seconds, chosen)
    by = " by the capture that is following" if report.was_following else ""
    click.echo(f"Captured up to {report.applied_lsn}{by} in {report.duration_seconds:.1f} s.")


@cdc.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@source_options
def status(as_json: bool, **given: Any) -> None:
    """Show where each captured table stands."""
    from ingestion.cdc.status import table_statuses

    rows = [asdict(row) for row in table_statuses(chosen_options(given))]
    if as_json:
        click.echo(json_format.dumps(rows, default=str))
        return
    for row in rows:
        lag = "-" if row["lag_bytes"] is None else f"{row['lag_bytes']} bytes behind"
        click.echo(
            f"{row['table']:<24} {row['state']:<13} {row['snapshot_rows']:>10} read"
            f" {row['rows_applied']:>10} applied  {row['last_lsn'] or '-':<14} {lag}"
        )
        if row["last_error"]:
            click.echo(f"    {row['last_error']}")


@cdc.command()
@click.argument("table", required=False)
@click.option("--all", "is_all", is_flag=True, help="Every table, also after a lost slot.")
@source_options
def resync(table: str | None, is_all: bool, **given: Any) -> None:
    """Read TABLE anew; readers keep the old rows until the new ones are complete."""
    from ingestion.cdc.control import ask_for_resync

    if (table is None) != is_all:
        raise click.UsageError("give the name of one TABLE, or --all")
    ask_for_resync(chosen_options(given), table or "*")
    click.echo("The running capture, or the next, will do it; see `interview-data cdc status`.")


def _until_signalled() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


# Each adds its commands to the group.
from interview_data.commands import cdc_proof  # noqa: E402, F401
