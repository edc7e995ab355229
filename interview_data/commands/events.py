"""`events consume`, `events status`: landing events, seen from the command line.

Belongs here: options and what is printed. The work is in `ingestion.events`.
"""

import json as json_format
import logging
import signal
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ingestion.events.writer import TopicReport


@click.group()
def events() -> None:
    """Land events from the bus in ClickHouse."""


@events.command()
@click.option("--follow", is_flag=True, help="Go on until stopped, landing events as they come.")
@click.option(
    "--timeout", "timeout_seconds", default=60.0, show_default=True, help="Seconds; not to follow."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def consume(follow: bool, timeout_seconds: float, as_json: bool) -> None:
    """Land what is on the bus. Each event id counts once, however often this runs or is killed."""
    from ingestion.events import writer

    if follow:
        _log_to_stderr()
        writer.follow(_until_signalled())
        return
    _print(writer.drain(timeout_seconds), as_json)


@events.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show what was landed of each topic, and how many events are on their way."""
    from ingestion.events import writer

    _print(writer.topic_reports(), as_json)


def _log_to_stderr() -> None:
    """Our own lines; what a driver says of its retries is in the error that ends them."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("urllib3", "clickhouse_connect"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _until_signalled() -> threading.Event:
    """Set by SIGTERM or Ctrl-C: the batch at hand is finished first."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _print(reports: "list[TopicReport]", as_json: bool) -> None:
    rows = [asdict(report) for report in reports]
    if as_json:
        click.echo(json_format.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("topic", "landed", "duplicates", "dead letters", "on their way")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
