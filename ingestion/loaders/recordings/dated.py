"""When a recording was held.

Belongs here: the rule. The day that the file states; else one in its name; else the year in its
name, taken as 1 July; else the newest day that a recording of the same folder states. No file
states the time of day: noon UTC is taken. What was decided is remembered with the load.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from ingestion.loaders.recordings.details import day_from_name
from ingestion.loaders.recordings.turns import Recording


def newest_stated(recordings: Sequence[Recording]) -> date | None:
    return max((each.held_on for each in recordings if each.held_on), default=None)


def held_on(
    recording: Recording, remembered: date | None, newest: date | None, today: date
) -> tuple[date, str | None]:
    """The day, and a note where it is not the day that the file states."""
    if recording.held_on:
        return recording.held_on, None
    if remembered:
        return remembered, f"{recording.name}: states no day; taken as {remembered}, as before"
    from_name, is_year_alone = day_from_name(recording.name)
    if from_name and not is_year_alone:
        return from_name, f"{recording.name}: the day is taken from the file's name"
    if from_name:
        return from_name, f"{recording.name}: only the year is known; taken as {from_name}"
    if newest:
        note = f"{recording.name}: states no day; taken as {newest}, the newest of the folder"
        return newest, note
    return today, f"{recording.name}: states no day, nor does any of the folder; taken as today"


def at_noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
