"""`load`: recordings, access logs and the demo, as their user sees it.

Belongs here: options, progress, and how a report is printed. The loading is in
`ingestion.loaders`.
"""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING

import click

from interview_data.progress import progress

if TYPE_CHECKING:
    from ingestion.loaders.report import LoadReport

_LISTED_AT_MOST = 10

_json = click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
_keep_times = click.option(
    "--keep-times",
    is_flag=True,
    help="Keep the times of the input, instead of moving them by whole weeks into the last one.",
)
_wait = click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait until every accepted event is in ClickHouse.",
)
_wait_seconds = click.option(
    "--wait-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="How long to wait while nothing more lands.",
)


@click.group()
def load() -> None:
    """Load real input, or the demo. Loading the same twice changes nothing."""


@load.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_keep_times
@_json
@click.pass_context
def recordings(context: click.Context, folder: Path, keep_times: bool, as_json: bool) -> None:
    """Load the transcribed interviews in DIR into PostgreSQL.

    Each recording becomes an interview with its questions, sessions, responses, media files,
    jobs and analysis results. How a transcript is read is in docs/how_to/load_real_input.md.
    """
    from ingestion.loaders.recordings.load import load_recordings

    with progress(is_quiet=as_json) as show:
        report = load_recordings(folder, keep_times=keep_times, progress=show)
    _finish(context, report, as_json)


@load.command("access-log")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_name",
    required=True,
    type=click.Choice(["combined", "openstack"]),
    help="combined: Apache's, as page views. openstack: its API log, as API metrics.",
)
@_keep_times
@_wait
@_wait_seconds
@_json
@click.pass_context
def access_log(
    context: click.Context,
    *,
    file: Path,
    format_name: str,
    keep_times: bool,
    wait: bool,
    wait_seconds: float,
    as_json: bool,
) -> None:
    """Replay the requests in FILE through the API at API_URL."""
    from ingestion.loaders.access_logs.replay import replay

    with progress(is_quiet=as_json) as show:
        report = replay(
            file,
            format_name,
            keep_times=keep_times,
            wait_seconds=wait_seconds if wait else 0.0,
            progress=show,
        )
    _finish(context, report, as_json)


@load.command()
@click.option("--users", default=500, show_default=True, help="How many customers.")
@click.option("--days", default=90, show_default=True, help="How many days back, up to today.")
@click.option("--seed", default=7, show_default=True, help="Another seed, other customers.")
@click.option(
    "--activity",
    default=1,
    show_default=True,
    help="How many times as many visits, each with events of its own.",
)
@click.option("--again", is_flag=True, help="Write and post it anew, even if it is complete.")
@click.option(
    "--events/--no-events",
    default=True,
    show_default=True,
    help="Post the events as well; without them only PostgreSQL is needed.",
)
@_wait
@_wait_seconds
@_json
@click.pass_context
def demo(
    context: click.Context,
    *,
    users: int,
    days: int,
    seed: int,
    activity: int,
    again: bool,
    events: bool,
    wait: bool,
    wait_seconds: float,
    as_json: bool,
) -> None:
    """Make a believable population of customers with three months behind them.

    The same --users, --days, --seed and --activity make the same rows. Days are counted back from
    the first load; a later load of the same demo starts from that day again. A year to look at,
    with ten million events: --users 5000 --days 365 --activity 6.
    """
    from ingestion.loaders.demo.load import load_demo

    with progress(is_quiet=as_json) as show:
        report = load_demo(
            users,
            days,
            seed,
            activity=activity,
            again=again,
            with_events=events,
            wait_seconds=wait_seconds if wait else 0.0,
            progress=show,
        )
    _finish(context, report, as_json)


def _finish(context: click.Context, report: LoadReport, as_json: bool) -> None:
    """Print the report. Exits with 1 where events were waited for in vain."""
    if as_json:
        click.echo(json_format.dumps(report.to_json(), indent=2, ensure_ascii=False, default=str))
    else:
        for line in _lines(report):
            click.echo(line)
    if report.missing_count:
        click.echo(
            f"Error: {report.missing_count} accepted events are not in ClickHouse yet. They are"
            " on the event bus and will land; see `interview-data status`.",
            err=True,
        )
        context.exit(1)


def _lines(report: LoadReport) -> list[str]:
    again = ", loaded before" if report.is_repeat else ""
    lines = [f"Loaded {report.source} in {report.seconds:.1f} s{again}."]
    if report.shift_weeks:
        lines.append(f"Times were moved by {report.shift_weeks} weeks.")
    if report.tables:
        lines.append(f"{'table':<22}{'new':>9}{'changed':>9}{'same':>9}{'deleted':>9}")
        lines += [
            f"{table:<22}{rows.inserted:>9}{rows.updated:>9}{rows.unchanged:>9}{rows.deleted:>9}"
            for table, rows in report.tables.items()
        ]
    for endpoint, posted in report.posted.items():
        landed = "" if posted.landed is None else f", {posted.landed} in ClickHouse"
        lines.append(
            f"POST {endpoint}: {posted.sent} sent, {posted.accepted} accepted,"
            f" {posted.duplicates} duplicates, {posted.rejected} rejected{landed}"
        )
    lines += [f"Note: {note}" for note in report.notes]
    lines += [f"Skipped {count}: {why}" for why, count in report.skipped_by_reason.most_common()]
    lines += [f"  {each.where}: {each.reason}" for each in report.skipped[:_LISTED_AT_MOST]]
    if len(report.skipped) > _LISTED_AT_MOST:
        lines.append("  ... --json lists more")
    return lines
