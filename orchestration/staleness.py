"""Whether anything has landed since that was last told: one cheap question.

Belongs here: the question to ClickHouse and the comparison. Event tables only grow, and their
row count is known without reading a row. Captured tables also change rows in place, so it is
the newest capture time that tells, and for a truncated one that it is empty.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stores.clickhouse.client import ClickHouseClient

EVENT_TABLES = ("user_events", "interview_metrics", "api_metrics")
# The platform measures its own requests, which never stop: they are told this rarely.
PATIENCE_SECONDS = {"api_metrics": 40.0}

Watermarks = dict[str, str]


@dataclass(frozen=True)
class Landed:
    """How far every source has come. `missing` are those that do not exist yet."""

    watermarks: Watermarks
    missing: tuple[str, ...] = ()


def read_landed(client: ClickHouseClient, captured: Iterable[str]) -> Landed:
    """One query over all sources, once all are there."""
    wanted = {f"oltp.{table}" for table in captured}
    wanted |= {f"oltp_log.{table}" for table in captured}
    wanted |= {f"analytics.{table}" for table in EVENT_TABLES}
    present = client.query(
        "SELECT concat(database, '.', name) FROM system.tables"
        " WHERE database IN ('oltp', 'oltp_log', 'analytics')"
    ).result_rows
    missing = wanted - {str(row[0]) for row in present}
    if missing:
        return Landed({}, tuple(sorted(missing)))
    counts = [
        f"SELECT '{table}' AS name, toString(count()) AS mark FROM analytics.{table}"
        for table in EVENT_TABLES
    ]
    times = [
        f"SELECT '{table}', if(count() = 0, '', toString(max(_captured_at))) FROM oltp_log.{table}"
        for table in captured
    ]
    rows = client.query(" UNION ALL ".join([*counts, *times])).result_rows
    return Landed({str(name): str(mark) for name, mark in rows})


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The sources that have moved."""
    return sorted(name for name, mark in now.items() if before.get(name) != mark)


def due(names: Iterable[str], seconds_since_told: Mapping[str, float]) -> list[str]:
    """Those of `names` that are worth telling now."""
    return [
        name
        for name in names
        if seconds_since_told.get(name, float("inf")) >= PATIENCE_SECONDS.get(name, 0.0)
    ]
