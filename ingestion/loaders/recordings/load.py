"""A folder of recordings into PostgreSQL: one transaction each, twice the same as once.

Belongs here: the order of things. What a recording says belongs to `layouts` and `roles`,
what rows it makes to `interview` and `owners`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic
from uuid import UUID

from ingestion.loaders.ids import file_digest, stable_id
from ingestion.loaders.recordings import dated, stale
from ingestion.loaders.recordings.interview import (
    Interview,
    interview_rows,
    newest_time,
    usage_of,
)
from ingestion.loaders.recordings.layouts import SUFFIXES, read_recording, recording_name
from ingestion.loaders.recordings.owners import known_times, owner_rows, usage_rows
from ingestion.loaders.recordings.roles import attribute
from ingestion.loaders.recordings.turns import Recording
from ingestion.loaders.reference import reference_rows
from ingestion.loaders.report import LoadReport, Progress, no_progress
from ingestion.loaders.rows import write
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
from stores.postgres.client import Connection

KIND = "recordings"


@dataclass(frozen=True)
class _Source:
    """One file that was read, and what is remembered of it."""

    path: Path
    recording: Recording
    known: Load | None

    @property
    def id(self) -> UUID:
        return source_id(self.recording.name)

    @property
    def remembered_day(self) -> date | None:
        return date.fromisoformat(self.known.parameters["held_on"]) if self.known else None


def source_id(name: str) -> UUID:
    return stable_id("load", KIND, name)


def load_recordings(
    folder: Path,
    *,
    keep_times: bool = False,
    now: datetime | None = None,
    progress: Progress = no_progress,
) -> LoadReport:
    """Load every recording of `folder`. Raises InputInvalid where there is none.

    A recording is known by its file's name: the same name with other content replaces what
    the first load wrote.
    """
    started, now = monotonic(), now or datetime.now(UTC)
    report = LoadReport(KIND, str(folder))
    with client.connect(autocommit=True) as connection:
        sources = _read(connection, folder, report, progress)
        for source in sources:
            if source.known:
                check_keep_times(source.known, keep_times)
        interviews = _interviews(sources, now.date(), report)
        report.is_repeat = all(source.known for source in sources)
        report.shift_weeks = _shift(sources, interviews, keep_times, now)
        moved = [_moved(interview, report.shift_weeks) for interview in interviews]
        _write(connection, sources, moved, report, progress)
    report.seconds = round(monotonic() - started, 2)
    return report


def _read(
    connection: Connection, folder: Path, report: LoadReport, progress: Progress
) -> list[_Source]:
    paths = _paths(folder, report)
    known = recall(connection, [source_id(recording_name(path)) for path in paths])
    sources = []
    for index, path in enumerate(paths):
        progress("reading", index, len(paths))
        try:
            recording = read_recording(path)
        except InputInvalid as error:
            report.skip(path.name, error.rule)
            continue
        sources.append(_Source(path, recording, known.get(source_id(recording.name))))
        report.notes.extend(recording.notes)
        for skipped in recording.skipped:
            report.skip(skipped.where, skipped.reason)
    if not sources:
        raise InputInvalid("DIR", f"{folder}: none of its files is a transcript that can be read")
    return sources


def _paths(folder: Path, report: LoadReport) -> list[Path]:
    """The transcripts of `folder` in the order of their names; others are reported."""
    if not folder.is_dir():
        raise InputInvalid("DIR", f"{folder} must be a folder that can be read")
    taken: dict[str, Path] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        name = recording_name(path)
        if path.suffix not in SUFFIXES:
            report.skip(path.name, f"not a transcript: its name ends in none of {SUFFIXES}")
        elif name in taken:
            report.skip(path.name, f"the same recording as {taken[name].name}")
        else:
            taken[name] = path
    if not taken:
        raise InputInvalid("DIR", f"{folder} must contain files that end in one of {SUFFIXES}")
    return list(taken.values())


def _interviews(sources: Sequence[_Source], today: date, report: LoadReport) -> list[Interview]:
    newest = dated.newest_stated([source.recording for source in sources])
    interviews = []
    for source in sources:
        remembered = (
            date.fromisoformat(source.known.parameters["held_on"]) if source.known else None
        )
        day, note = dated.held_on(source.recording, remembered, newest, today)
        conversation = attribute(source.recording)
        interviews.append(Interview(source.recording, conversation, dated.at_noon(day)))
        report.notes.extend([note] if note else [])
        report.notes.extend(_choices(source.recording))
        for skipped in conversation.skipped:
            report.skip(skipped.where, skipped.reason)
    return interviews


def _choices(recording: Recording) -> list[str]:
    notes = []
    if recording.timing == "none":
        notes.append(f"{recording.name}: has no time stamps, so no durations")
    if recording.timing == "interpolated":
        notes.append(f"{recording.name}: times are reckoned between its minute marks")
    if all(turn.speaker is None for turn in recording.turns):
        notes.append(f"{recording.name}: names no speakers, so it is one question and one answer")
    return notes


def _shift(
    sources: Sequence[_Source], interviews: Sequence[Interview], keep_times: bool, now: datetime
) -> int:
    """The move of this load: the one that was remembered, else the one that suits the newest."""
    remembered = [source.known.shift_weeks for source in sources if source.known]
    if remembered:
        return remembered[0]
    if keep_times:
        return 0
    newest = max(newest_time(interview_rows(interview)) for interview in interviews)
    return weeks_into_the_last(newest, now)


def _moved(interview: Interview, weeks: int) -> Interview:
    held_at = interview.held_at + weeks * WEEK
    return Interview(interview.recording, interview.conversation, held_at)


def _write(
    connection: Connection,
    sources: Sequence[_Source],
    interviews: Sequence[Interview],
    report: LoadReport,
    progress: Progress,
) -> None:
    with connection.transaction():
        owners = owner_rows(interviews, known_times(connection))
        report.add_written(write(connection, {**reference_rows(), **owners}))
    for index, (source, interview) in enumerate(zip(sources, interviews, strict=True)):
        progress("writing", index, len(sources))
        _write_one(connection, source, interview, report)
    progress("writing", len(sources), len(sources))


def _write_one(
    connection: Connection, source: _Source, interview: Interview, report: LoadReport
) -> None:
    tables = interview_rows(interview)
    tables["usage_tracking"] = usage_rows(interview, usage_of(tables))
    days = {"held_on": (interview.held_at - report.shift_weeks * WEEK).date().isoformat()}
    with connection.transaction():
        report.add_written(stale.delete(connection, interview.id, tables))
        report.add_written(write(connection, tables))
        counts = {table: len(rows) for table, rows in tables.items()}
        remember(
            connection,
            Load(
                source.id,
                KIND,
                source.path.name,
                report.shift_weeks,
                days,
                {"is_complete": True, "digest": file_digest(source.path), "rows": counts},
            ),
        )
