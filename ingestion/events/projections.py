"""Projections of the event store: read models made of an aggregate's events from version 1 on.

Belongs here: how a projection is folded and kept. Each is a pure function of the events in the
order of their versions, so it can be made anew at any time and gives the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from stores.clickhouse.client import ClickHouseClient, ExternalTable
from stores.errors import InputInvalid

_PAGE_ROWS = 20_000
_SHADOW_SUFFIX = "_rebuilt"
_HISTORY = """
SELECT toString(aggregate_id), aggregate_type, version, event_type, timestamp
FROM oltp_log.event_store FINAL
WHERE _is_deleted = 0 AND {condition}
ORDER BY aggregate_id, version
"""


class Step(NamedTuple):
    """One event of an aggregate."""

    aggregate_id: str
    aggregate_type: str
    version: int
    event_type: str
    occurred_at: datetime


@dataclass(frozen=True)
class Projection:
    """A table in `platform`, its columns, and how an aggregate's history becomes its row."""

    name: str
    columns: tuple[str, ...]
    fold: Callable[[Sequence[Step]], list[Any]]

    @property
    def table(self) -> str:
        """Where it is kept."""
        return f"platform.{self.name}"


def _timeline(steps: Sequence[Step]) -> list[Any]:
    first, last = steps[0], steps[-1]
    return [
        last.aggregate_id,
        last.aggregate_type,
        last.version,
        # Nothing is missing between version 1 and the last.
        [step.version for step in steps] == list(range(1, len(steps) + 1)),
        first.occurred_at,
        last.event_type,
        last.occurred_at,
        [step.event_type for step in steps],
        [step.occurred_at for step in steps],
    ]


AGGREGATE_TIMELINES = Projection(
    "aggregate_timelines",
    (
        "aggregate_id",
        "aggregate_type",
        "version",
        "is_complete",
        "started_at",
        "last_event_type",
        "last_event_at",
        "event_types",
        "event_times",
    ),
    _timeline,
)
PROJECTIONS = {projection.name: projection for projection in (AGGREGATE_TIMELINES,)}


def rebuild(client: ClickHouseClient, name: str) -> int:
    """Make `name` anew from version 1 of every aggregate; how many. Readers see old, then new."""
    projection = PROJECTIONS.get(name)
    if projection is None:
        raise InputInvalid("NAME", f"must be one of {', '.join(PROJECTIONS)}")
    shadow = projection.table + _SHADOW_SUFFIX
    client.command(f"DROP TABLE IF EXISTS {shadow} SYNC")
    client.command(f"CREATE TABLE {shadow} AS {projection.table}")
    count = _write(client, projection, shadow, _history(client, "1"))
    client.command(f"EXCHANGE TABLES {shadow} AND {projection.table}")
    client.command(f"DROP TABLE {shadow} SYNC")
    return count


def update(client: ClickHouseClient, aggregates: Iterable[str]) -> None:
    """Bring every projection up to date for these aggregates, each folded from version 1."""
    asked = ExternalTable(
        file_name="asked",
        data="\n".join(sorted(set(aggregates))).encode(),
        fmt="TSV",
        structure="id UUID",
    )
    condition = "aggregate_id IN (SELECT id FROM asked)"
    steps = list(_history(client, condition, asked))
    for projection in PROJECTIONS.values():
        _write(client, projection, projection.table, iter(steps))


def _history(
    client: ClickHouseClient, condition: str, asked: ExternalTable | None = None
) -> Iterator[Step]:
    with client.query_rows_stream(
        _HISTORY.replace("{condition}", condition), external_data=asked
    ) as rows:
        for row in rows:
            yield Step(*row)


def _write(
    client: ClickHouseClient, projection: Projection, table: str, steps: Iterator[Step]
) -> int:
    count = 0
    page: list[list[Any]] = []
    for _, history in groupby(steps, key=lambda step: step.aggregate_id):
        page.append(projection.fold(list(history)))
        if len(page) >= _PAGE_ROWS:
            client.insert(table, page, column_names=projection.columns)
            count, page = count + len(page), []
    if page:
        client.insert(table, page, column_names=projection.columns)
    return count + len(page)
