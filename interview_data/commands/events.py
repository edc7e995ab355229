"""`events …`: landing events, dead letters and replays, seen from the command line.

Belongs here: options and what is printed. The work is in `ingestion.events`.
"""

import json as json_format
import logging
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from stores.errors import InputInvalid

if TYPE_CHECKING:
    from ingestion.events.writer import TopicReport

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
_REPLAY_TIMEOUT_SECONDS = 600.0
_HEADINGS = ("topic", "landed", "duplicates", "conflicts", "dead letters", "on their way")


@click.group()
def events() -> None:
    """Land events from the bus in ClickHouse; look after those that cannot be."""


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
    """Show what became of each topic's events, what is on its way, and open dead letters."""
    from ingestion.events import dead_letters, writer
    from stores.clickhouse.client import connect

    reports = writer.topic_reports()
    backlog = {item.topic: item for item in dead_letters.backlog(connect())}
    rows = [
        asdict(report)
        | {
            "open_letter_count": backlog[report.topic].open_count if report.topic in backlog else 0,
            "oldest_letter_hours": (
                backlog[report.topic].oldest_hours if report.topic in backlog else None
            ),
        }
        for report in reports
    ]
    _show(rows, as_json, (*_HEADINGS, "open letters", "oldest, hours"))


@events.group("dead-letters")
def letters() -> None:
    """What could not be parsed, checked or stored: kept, and replayable after a fix."""


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The options by which letters are chosen."""
    options = (
        click.option("--topic", default="", help="Of this topic only: user-events, …"),
        click.option("--rule", default="", help="That broke this rule: conflict, too_old, …"),
        click.option("--source", default="", help="Whose source begins so: key:ID, bus:PLACE."),
        click.option("--event-id", default="", help="Of this event only."),
        click.option("--since", type=_TIME, default=None, help="Dead since then (UTC)."),
    )
    for option in options:
        command = option(command)
    return command


@letters.command("list")
@_filtered
@click.option("--all", "with_replayed", is_flag=True, help="Also those that were replayed.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_letters(with_replayed: bool, limit: int, as_json: bool, **chosen: Any) -> None:
    """List dead letters, the newest first; without their bytes, which `show` prints."""
    from ingestion.events import dead_letters
    from stores.clickhouse.client import connect

    wanted = dead_letters.Filter(**_choice(chosen), is_open_only=not with_replayed)
    found = dead_letters.find(connect(), wanted, limit)
    if as_json:
        _show([asdict(letter) for letter in found], as_json)
        return
    # Not a table: eight columns with sentences in them fit no terminal.
    for letter in found:
        place = f" of {letter.field}" if letter.field else ""
        click.echo(f"{letter.dead_letter_id}  {_text(letter.dead_at)}  {letter.topic}")
        click.echo(f"    {letter.rule}{place}: {letter.reason}")
        click.echo(f"    from {letter.source}{letter.outcome and f', {letter.outcome}'}")


@letters.command("show")
@click.argument("dead_letter_id", metavar="ID")
def show_letter(dead_letter_id: str) -> None:
    """Print a dead letter's bytes as they are. They may hold personal data."""
    from ingestion.events import dead_letters
    from stores.clickhouse.client import connect

    click.echo(dead_letters.body_of(connect(), dead_letter_id), nl=False)


@letters.command("replay")
@_filtered
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--limit", default=10_000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay_letters(ids: tuple[str, ...], limit: int, as_json: bool, **chosen: Any) -> None:
    """Check dead letters again and send the good ones as any event; safe to repeat.

    A conflict is sent only if its ID or --rule conflict is given: its id belongs to another event.
    """
    from ingestion.events import dead_letters
    from stores.clickhouse.client import connect

    wanted = dead_letters.Filter(**_choice(chosen), ids=ids)
    report = dead_letters.replay(connect(), wanted, limit)
    if as_json:
        click.echo(json_format.dumps(vars(report)))
        return
    click.echo(
        f"{report.replayed_count} sent again, {report.still_invalid_count} still invalid,"
        f" {report.skipped_count} skipped"
    )
    for reason, count in report.reasons.most_common(20):
        click.echo(f"  {count} x {reason}")


@events.command()
@click.option("--from", "start", type=_TIME, required=True, help="First moment (UTC).")
@click.option("--to", "end", type=_TIME, default=None, help="Last moment (UTC); by default now.")
@click.option("--topic", "topics", multiple=True, help="These only; by default all.")
@click.option(
    "--source",
    type=click.Choice(["all", "bus", "raw"]),
    default="all",
    show_default=True,
    help="bus: land what it still keeps. raw: count daily_user_activity anew from user_events.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(
    start: datetime, end: datetime | None, topics: tuple[str, ...], source: str, as_json: bool
) -> None:
    """Rebuild the analytics tables of a period. Nothing is counted twice; safe to repeat."""
    from ingestion.events import replay as replaying
    from ingestion.events import writer
    from stores.event_bus.topics import ANALYTICS_TOPICS, USER_EVENTS

    for topic in topics:
        if topic not in (known := [item.name for item in ANALYTICS_TOPICS]):
            raise InputInvalid("--topic", f"must be one of {', '.join(known)}")
    start, end = start.replace(tzinfo=UTC), end.replace(tzinfo=UTC) if end else None
    done: list[replaying.Replayed] = []
    if source in ("all", "bus"):
        done += replaying.from_bus(start, end, topics)
        writer.drain(_REPLAY_TIMEOUT_SECONDS)
    if source in ("all", "raw") and (not topics or USER_EVENTS.name in topics):
        done += replaying.from_raw(start, end)
    _show([asdict(item) for item in done], as_json, ("what", "source", "events"))


@events.group()
def projections() -> None:
    """Read models of the event store."""


@projections.command("rebuild")
@click.argument("name", metavar="NAME")
def rebuild_projection(name: str) -> None:
    """Make the projection NAME anew from version 1 of every aggregate."""
    from ingestion.events import projections as projecting
    from stores.clickhouse.client import connect

    count = projecting.rebuild(connect(), name)
    click.echo(f"{name}: {count} aggregates")


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


def _choice(chosen: dict[str, Any]) -> dict[str, Any]:
    since = chosen["since"]
    return chosen | {"since": since.replace(tzinfo=UTC) if since else None}


def _print(reports: "list[TopicReport]", as_json: bool) -> None:
    _show([asdict(report) for report in reports], as_json, _HEADINGS)


def _show(rows: Sequence[dict[str, Any]], as_json: bool, headings: Sequence[str] = ()) -> None:
    if as_json:
        click.echo(json_format.dumps(rows, default=_text))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=0)
    for place, heading in enumerate(headings):
        # In a narrow terminal headings are broken, never what names the row.
        table.add_column(heading, no_wrap=place == 0, overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    Console().print(table)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "" if value is None else str(value)
