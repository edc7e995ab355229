"""`cdc run` and `cdc status`: change capture, seen from the command line.

Belongs here: the group, the options its commands share, and what is printed. The work is in
`ingestion.cdc`; what is done to one table is in `cdc_tables`, preflight and proof in `cdc_proof`.
"""

import json as json_format
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options
    from ingestion.cdc.status import CaptureStatus

_Command = Callable[..., None]


def source_options(command: _Command) -> _Command:
    """Whom to read and where to write; each has its setting."""
    for option in (
        click.option(
            "--target-database", help="In ClickHouse. Default: that of the slot, else oltp."
        ),
        click.option("--slot", help="Replication slot. Default: CAPTURE_SLOT."),
        click.option("--publication", help="Publication to read. Default: CAPTURE_PUBLICATION."),
        click.option("--source", "source_url", help="PostgreSQL. Default: DATABASE_URL."),
    ):
        command = option(command)
    return command


def chosen_options(given: dict[str, Any], *, may_be_away: bool = False) -> "Options":
    """The options of one capture, from what was given and the settings; publication and target
    database of one that has run before from what is known of its slot. `may_be_away`: the
    command itself waits for ClickHouse, or tells that it does not answer."""
    from ingestion.cdc.run import options
    from ingestion.cdc.slots import as_made, check_target
    from stores.errors import InputInvalid, PlatformError
    from stores.settings import URL_SCHEMES

    scheme, separator, _ = (given.get("source_url") or "").partition("://")
    if separator and scheme not in URL_SCHEMES["database_url"]:
        raise InputInvalid("--source", "must start with postgresql:// or postgres://")
    into = given.pop("target_database")
    chosen = options(**given, target_database=into or "oltp")
    check_target(chosen.target_database)
    try:
        with told_plainly():
            return as_made(chosen, publication=given["publication"], target_database=into)
    except PlatformError:
        if may_be_away:
            return chosen
        raise


@contextmanager
def told_plainly() -> Iterator[None]:
    """What a store refuses is one line without anybody's values, not a stack trace."""
    from ingestion.cdc.apply import first_line
    from stores.clickhouse.client import Error as ClickHouseError
    from stores.errors import StateConflict
    from stores.postgres.client import Error as PostgresError

    try:
        yield
    except (ClickHouseError, PostgresError) as error:
        store = "PostgreSQL" if isinstance(error, PostgresError) else "ClickHouse"
        raise StateConflict(
            f"{store} refused: {first_line(error)}; see `interview-data cdc doctor`"
        ) from error


@click.group()
def cdc() -> None:
    """Bring every change of a PostgreSQL database's tables into ClickHouse."""


@cdc.command()
@click.option("--follow", "is_following", is_flag=True, help="Go on until stopped.")
@click.option(
    "--timeout", "timeout_seconds", default=300.0, show_default=True, help="Seconds; not to follow."
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="To follow: Prometheus metrics on 127.0.0.1. Default: CAPTURE_METRICS_PORT.",
)
@click.option(
    "--exclude-column",
    "exclude_columns",
    multiple=True,
    metavar="TABLE.COLUMN",
    help="Leave this column out, besides CAPTURE_COLUMNS; repeatable, at every start.",
)
@click.option(
    "--hash-column",
    "hash_columns",
    multiple=True,
    metavar="TABLE.COLUMN",
    help="Store HMAC-SHA-256 by CAPTURE_HASH_KEY in its place; repeatable, at every start.",
)
@click.option(
    "--keep-column",
    "keep_columns",
    multiple=True,
    metavar="TABLE.COLUMN",
    help="Store as it is what was left out or hashed before; once is enough.",
)
@source_options
def run(is_following: bool, timeout_seconds: float, metrics_port: int | None, **given: Any) -> None:
    """Read the snapshot if there is none yet, then the log, up to now or for ever."""
    from ingestion.cdc.run import drain

    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    chosen = chosen_options(given, may_be_away=is_following)
    if is_following:
        _follow(chosen, metrics_port)
        return
    with told_plainly():
        report = drain(timeout_seconds, chosen)
    by = " by the capture that is following" if report.was_following else ""
    click.echo(f"Captured up to {report.applied_lsn}{by} in {report.duration_seconds:.1f} s.")
    _tell_quarantined(chosen)


def _tell_quarantined(chosen: "Options") -> None:
    """Their changes are not among what was captured."""
    from ingestion.cdc.status import table_statuses

    aside = [one.table for one in table_statuses(chosen) if one.state == "quarantined"]
    if aside:
        click.echo(
            f"Without {', '.join(aside)}: quarantined, see `interview-data cdc status`.", err=True
        )


def _keep_interviews_fresh(chosen: "Options", stop: threading.Event) -> None:
    """In a thread of its own: it needs neither ClickHouse nor the capture into it."""
    from ingestion.interview_cache import InterviewCacheWatch
    from stores.settings import load_settings

    settings = load_settings()
    if settings.redis_url and chosen.source_url == settings.database_url:
        InterviewCacheWatch(stop).start()


def _follow(chosen: "Options", metrics_port: int | None) -> None:
    from ingestion.cdc.metrics import served
    from ingestion.cdc.run import follow
    from ingestion.cdc.watch import Watch
    from stores.settings import load_settings

    stop = _until_signalled()
    _keep_interviews_fresh(chosen, stop)
    watch = Watch(chosen, stop)
    port = metrics_port or load_settings().capture_metrics_port
    with told_plainly(), served(watch, port):
        watch.start()
        try:
            follow(chosen, stop)
        finally:
            stop.set()


@cdc.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@source_options
def status(as_json: bool, **given: Any) -> None:
    """Show where capture and each of its tables stand, and what is to be alarmed about.

    With --json one object: of the capture, with `tables` and `alerts`. A store that does not
    answer is an alert; exit code 1 where neither answers.
    """
    from ingestion.cdc.status import capture_status

    found = capture_status(chosen_options(given, may_be_away=True))
    if as_json:
        click.echo(json_format.dumps(asdict(found), default=str, indent=2))
    else:
        _print_status(found)
    if found.source_problem and found.target_problem:
        raise SystemExit(1)


def _print_status(found: "CaptureStatus") -> None:
    click.echo(_headline(found))
    for alert in found.alerts:
        click.echo(f"{click.style('ALERT', fg='red')} {alert}")
    for row in found.tables:
        at = f"{row.last_commit_at:%Y-%m-%d %H:%M:%S}" if row.last_commit_at else "-"
        share = "" if row.snapshot_share is None else f" ({row.snapshot_share:.0%} of a snapshot)"
        click.echo(
            f"{row.table:<24} {row.state:<13} {row.snapshot_rows:>10} read"
            f" {row.rows_applied:>10} applied  last {row.last_lsn or '-':<14} {at}{share}"
        )
        if row.last_error:
            click.echo(f"    {row.last_error}")


def _headline(found: "CaptureStatus") -> str:
    from ingestion.cdc.findings import human_bytes

    parts = [f"Slot {found.slot_name}: {found.publication} -> {found.target_database}."]
    if slot := found.slot:
        room = f", room for {human_bytes(slot.room_bytes)} more" if slot.room_bytes else ""
        reader = "Followed" if slot.is_read else "Not followed"
        parts.append(f"{reader}; {human_bytes(slot.retained_bytes)} of log held{room}.")
    elif not found.source_problem:
        parts.append("There is no such slot yet.")
    if found.spilled_bytes:
        parts.append(f"{human_bytes(found.spilled_bytes)} of open transactions on disk here.")
    if found.lag_bytes is not None:
        seconds = "" if found.lag_seconds is None else f", {found.lag_seconds:.1f} s"
        parts.append(
            f"{human_bytes(found.lag_bytes)}{seconds} behind at {found.applied_lsn or '-'}."
        )
    return " ".join(parts)


def _until_signalled() -> threading.Event:
    """A second Ctrl-C does not wait for what is being written; it is repeated at the next start."""
    stop = threading.Event()

    def ask(number: int, _frame: object) -> None:
        stop.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return stop


# Each adds its commands to the group.
from interview_data.commands import cdc_proof, cdc_tables  # noqa: E402, F401
