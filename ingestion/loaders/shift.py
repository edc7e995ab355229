"""Old input in the present: times moved by whole weeks, and the move remembered.

Belongs here: how far to move, and the row of `platform.loads` that remembers it. Whole weeks
keep the day of the week and the hour, which is what activity is about.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from stores.errors import StateConflict
from stores.postgres.client import Connection

WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Load:
    """What is remembered of one source: see the table `platform.loads`."""

    source_id: UUID
    kind: str
    source_name: str
    shift_weeks: int
    parameters: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return bool(self.report.get("is_complete"))


def weeks_into_the_last(newest: datetime, now: datetime) -> int:
    """The number of weeks that brings `newest` into the seven days that end at `now`."""
    return (now - newest) // WEEK


def check_keep_times(load: Load, keep_times: bool) -> None:
    """Refuse `--keep-times` on input that was loaded with its times moved.

    The rows are there under the same ids; one of the two sets of times has to be given up.
    """
    if keep_times and load.shift_weeks:
        raise StateConflict(
            f"--keep-times: {load.source_name} was loaded before with its times moved by"
            f" {load.shift_weeks} weeks, and the same rows cannot have both. Load without"
            " --keep-times, or load it in another INTERVIEW_DATA_HOME."
        )


def recall(connection: Connection, source_ids: list[UUID]) -> dict[UUID, Load]:
    """What is remembered of those of `source_ids` that were loaded before."""
    rows = connection.execute(
        "SELECT source_id, kind, source_name, shift_weeks, parameters, report"
        " FROM platform.loads WHERE source_id = ANY(%s)",
        [source_ids],
    ).fetchall()
    return {row[0]: Load(*row) for row in rows}


def remember(connection: Connection, load: Load) -> None:
    """Write `load`. Its shift and parameters are kept from the first time on; the report is new."""
    connection.execute(
        "INSERT INTO platform.loads"
        " (source_id, kind, source_name, shift_weeks, parameters, report)"
        " VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (source_id) DO UPDATE SET report = EXCLUDED.report, loaded_at = now()",
        [
            load.source_id,
            load.kind,
            load.source_name,
            load.shift_weeks,
            json.dumps(load.parameters),
            json.dumps(load.report),
        ],
    )
