"""`cdc run`, `status`, `verify`, `resync`: change capture, seen from the command line.

Belongs here: options and what is printed. The work is in `ingestion.cdc`.
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


def _source_options(command: _Command) -> _Command:
    """Whom to read and where to write; each has its setting."""
    for option in (
        click.option("--target-database", default="oltp", show_default=True, help="In ClickHouse."),
        click.option("--slot", help="Replication slot. Default: CAPTURE_SLOT."),
        click.option("--publication", help="Publication to read. Default: CAPTURE_PUBLICATION."),
        click.option("--source", "source_url", help="PostgreSQL. Default: DATABASE_URL."),
    ):
        command = option(command)
    return command


@click.group()
def cdc() -> None:
    """Bring every change of the OLTP tables into ClickHouse."""


@cdc.command()
@click.option("--follow", "is_following", is_flag=True, help="Go on until stopped.")
@click.option(
    "--timeout", "timeout_seconds", default=300.0, show_default=True, help="Seconds; not to follow."
)
@_source_options
def run(is_following: bool, timeout_seconds: float, **given: Any) -> None:
    """Read the snapshot if there is none yet, then the log, up to now or for ever."""
    from ingestion.cdc import run as capture

    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    chosen = capture.options(**given)
    if is_following:
        capture.follow(chosen, _until_signalled())
        return
    report = capture.drain(timeout_seconds, chosen)
    by = " by the capture that is following" if report.was_following else ""
    click.echo(f"Captured up to {report.applied_lsn}{by} in {report.duration_seconds:.1f} s.")


@cdc.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_source_options
def status(as_json: bool, **given: Any) -> None:
    """Show where each captured table stands."""
    from ingestion.cdc.status import table_statuses

    rows = [asdict(row) for row in table_statuses(_chosen(given))]
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--timeout", "timeout_seconds", default=30.0, show_default=True, help="Wait for writes so long."
)
@_source_options
def verify(as_json: bool, timeout_seconds: float, **given: Any) -> None:
    """Compare counts and hashes of every table; exit code 1 where one differs."""
    from ingestion.cdc.verify import verify as compare

    found = compare(_chosen(given), timeout_seconds)
    if as_json:
        click.echo(json_format.dumps([{**asdict(row), "is_equal": row.is_equal} for row in found]))
    else:
        for row in found:
            mark = "equal" if row.is_equal else "DIFFERENT"
            click.echo(f"{row.table:<24} {row.source_count:>10} {row.target_count:>10}  {mark}")
    if not all(row.is_equal for row in found):
        raise SystemExit(1)


@cdc.command()
@click.argument("table", required=False)
@click.option("--all", "is_all", is_flag=True, help="Every table, also after a lost slot.")
@_source_options
def resync(table: str | None, is_all: bool, **given: Any) -> None:
    """Read TABLE anew; readers keep the old rows until the new ones are complete."""
    from ingestion.cdc.control import ask_for_resync

    if (table is None) != is_all:
        raise click.UsageError("give the name of one TABLE, or --all")
    ask_for_resync(_chosen(given), table or "*")
    click.echo("The running capture, or the next, will do it; see `interview-data cdc status`.")


def _chosen(given: dict[str, Any]) -> "Options":
    from ingestion.cdc.run import options

    return options(**given)


def _until_signalled() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
