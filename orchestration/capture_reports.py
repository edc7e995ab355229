"""What change capture has done, in Dagster's words.

Belongs here: a captured table's standing as metadata of a materialization, and when one is told
again. Who tells it is the bounded run in `assets.capture` and the sensor in `sensors_capture`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingestion.cdc.status import TableStatus

MetadataValue = str | int | float


@dataclass(frozen=True)
class Told:
    """How far a table was when it was last told."""

    last_lsn: str = ""
    rows_applied: int = 0
    snapshot_rows: int = 0
    at: float = 0.0


@dataclass(frozen=True)
class Cursor:
    """Table -> how far it was."""

    tables: Mapping[str, Told] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """From a tick's cursor; a first tick has none."""
        return cls({name: Told(**told) for name, told in json.loads(text or "{}").items()})

    def dump(self) -> str:
        """For the next tick."""
        return json.dumps({name: asdict(told) for name, told in self.tables.items()})


def told_of(status: "TableStatus", now: float) -> Told:
    """What is kept of a table that is told now."""
    return Told(status.last_lsn or "", status.rows_applied, status.snapshot_rows, now)


def data_version(status: "TableStatus") -> str:
    """Changes with the rows: a table that is told again because nobody changed it keeps it, and
    so nothing behind it is built again."""
    return f"{status.last_lsn or 'snapshot'} {status.snapshot_rows} {status.rows_applied}"


def metadata(status: "TableStatus", before: Told) -> dict[str, MetadataValue]:
    """Of one materialization: what was applied since `before`, and where the table is now."""
    found: dict[str, MetadataValue] = {
        "state": status.state,
        # A table that is read anew starts over.
        "rows_applied_count": max(0, status.rows_applied - before.rows_applied),
        "rows_applied_ever_count": status.rows_applied,
        "snapshot_rows_count": status.snapshot_rows,
        "from_lsn": before.last_lsn or "the snapshot",
        "last_lsn": status.last_lsn or "the snapshot",
    }
    if status.last_commit_at is not None:
        found["last_commit_at"] = status.last_commit_at.isoformat()
    if status.lag_bytes is not None:
        found["lag_bytes"] = status.lag_bytes
    if status.lag_seconds is not None:
        found["lag_seconds"] = round(status.lag_seconds, 3)
    return found


def to_tell(
    statuses: "Iterable[TableStatus]",
    cursor: Cursor,
    *,
    now: float,
    repeat_seconds: float,
    late_seconds: float,
) -> "list[tuple[TableStatus, Told]]":
    """The tables that have moved, and those that have stood still for long because nobody changed
    them: they are as fresh as the capture is. One that is behind or put aside is not told, so that
    its freshness runs out."""
    found = []
    for status in statuses:
        before = cursor.tables.get(status.table, Told())
        if status.state != "streaming":
            continue
        is_late = status.lag_seconds is None or status.lag_seconds > late_seconds
        has_moved = before.at == 0 or (status.last_lsn or "", status.snapshot_rows) != (
            before.last_lsn,
            before.snapshot_rows,
        )
        if has_moved or (now - before.at >= repeat_seconds and not is_late):
            found.append((status, before))
    return found
