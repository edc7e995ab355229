"""A log file through the API: two passes, so that no file is held in memory.

Belongs here: the order of things. The first pass finds the newest time, from which the move
follows; the second posts. What a line means belongs to the format's module.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic
from uuid import UUID

from ingestion.loaders import landed
from ingestion.loaders.access_logs import combined, openstack
from ingestion.loaders.access_logs.lines import Event, Format, identity_of, read_lines
from ingestion.loaders.api import Api, Outgoing, batches
from ingestion.loaders.ids import stable_id
from ingestion.loaders.report import LoadReport, Progress, no_progress
from ingestion.loaders.shift import (
    WEEK,
    Load,
    check_keep_times,
    recall,
    remember,
    weeks_into_the_last,
)
from stores.errors import InputInvalid
from stores.postgres import client

KIND = "access-log"
FORMATS = {each.name: each for each in (combined.FORMAT, openstack.FORMAT)}


@dataclass
class _FirstPass:
    """What must be known of a file before its first event is posted."""

    identity: str
    events: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    notes: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:
        self.events += 1
        self.oldest = min(self.oldest or event.at, event.at)
        self.newest = max(self.newest or event.at, event.at)


def replay(
    path: Path,
    format_name: str,
    *,
    keep_times: bool = False,
    wait_seconds: float = 0.0,
    now: datetime | None = None,
    progress: Progress = no_progress,
) -> LoadReport:
    """Post every request of `path`; wait up to `wait_seconds` until all are in ClickHouse."""
    started, log_format = monotonic(), FORMATS[format_name]
    report = LoadReport(KIND, str(path))
    api = Api()
    api.check()
    if wait_seconds:
        landed.check()
    progress("reading", 0, 0)
    first = _read_once(path, log_format, report)
    now = now or datetime.now(UTC)
    load = _remembered(path, log_format, first, report, keep_times=keep_times, now=now)
    ids = []
    for batch in batches(_outgoing(path, log_format, first.identity, load.shift_weeks)):
        ids.extend(api.post(log_format.endpoint, batch, report))
        progress("posting", len(ids), first.events)
    if wait_seconds and ids:
        days = _days(first, load.shift_weeks)
        report.posted[log_format.endpoint].landed = landed.wait_until_landed(
            log_format.table,
            log_format.id_field,
            ids,
            days,
            timeout_seconds=wait_seconds,
            progress=progress,
        )
    _complete(load, report)
    report.seconds = round(monotonic() - started, 2)
    return report


def source_id(identity: str, log_format: Format) -> UUID:
    return stable_id("load", KIND, log_format.name, identity)


def _read_once(path: Path, log_format: Format, report: LoadReport) -> _FirstPass:
    if not path.is_file():
        raise InputInvalid("FILE", f"{path} must be a file that can be read")
    first = _FirstPass(identity_of(path))
    read = log_format.make_reader(first.identity)
    for number, line in read_lines(path):
        found = read(line, number)
        if isinstance(found, Event):
            first.take(found)
            if found.note:
                report.notes.append(f"line {number}: {found.note}")
        else:
            report.skip(f"line {number}", found.reason, is_listed=not found.is_expected)
    if not first.events:
        raise InputInvalid("--format", f"{path.name} has no line of the format {log_format.name!r}")
    return first


def _remembered(
    path: Path,
    log_format: Format,
    first: _FirstPass,
    report: LoadReport,
    *,
    keep_times: bool,
    now: datetime,
) -> Load:
    """The load as remembered; at the first time, decided now and written before any event."""
    source = source_id(first.identity, log_format)
    with client.connect() as connection:
        load = recall(connection, [source]).get(source)
        if load:
            check_keep_times(load, keep_times)
        else:
            assert first.newest is not None  # noqa: S101 - there is an event, so there is a time.
            weeks = 0 if keep_times else weeks_into_the_last(first.newest, now)
            load = Load(source, KIND, path.name, weeks, {"format": log_format.name})
            remember(connection, load)
    report.is_repeat, report.shift_weeks = load.is_complete, load.shift_weeks
    return load


def _outgoing(path: Path, log_format: Format, identity: str, weeks: int) -> Iterator[Outgoing]:
    read = log_format.make_reader(identity)
    for number, line in read_lines(path):
        found = read(line, number)
        if isinstance(found, Event):
            at = (found.at + weeks * WEEK).astimezone(UTC)
            stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            yield Outgoing(f"line {number}", found.id, {**found.fields, "timestamp": stamp})


def _days(first: _FirstPass, weeks: int) -> tuple[date, date]:
    assert first.oldest is not None and first.newest is not None  # noqa: S101, PT018
    oldest, newest = first.oldest + weeks * WEEK, first.newest + weeks * WEEK
    return oldest.astimezone(UTC).date(), newest.astimezone(UTC).date()


def _complete(load: Load, report: LoadReport) -> None:
    posted = {endpoint: vars(counts) for endpoint, counts in report.posted.items()}
    done = Load(
        load.source_id,
        load.kind,
        load.source_name,
        load.shift_weeks,
        load.parameters,
        {"is_complete": True, "posted": posted},
    )
    with client.connect() as connection:
        remember(connection, done)
