"""The activity of users: the live view and the rollup = a recount of the events.

Belongs here: the recount, a month at a time, so that its memory does not grow with history.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from operations.reconciliation.places import next_month
from operations.reconciliation.report import LISTED_AT_MOST, Difference, Reconciled
from stores.clickhouse.client import ClickHouseClient

SUBJECT = "activity"
# Events leave their table after two years, and when exactly is up to the merges.
_MONTHS = """
SELECT DISTINCT toStartOfMonth(date) AS month FROM analytics.user_events
WHERE date > today() - INTERVAL 2 YEAR ORDER BY month
"""
_COUNTS = """
SELECT date, user_id, toString(event_type) AS event_type,
    sum(events) AS events, sum(rows) AS rows, sum(live_view) AS live_view, sum(rollup) AS rollup
FROM (
    SELECT date, user_id, event_type, uniqExact(event_id) AS events, count() AS rows,
        0 AS live_view, 0 AS rollup
    FROM analytics.user_events
    WHERE date >= {first:Date} AND date < {end:Date} AND date > today() - INTERVAL 2 YEAR
    GROUP BY ALL
    UNION ALL
    SELECT date, user_id, event_type, 0, 0, sum(event_count), 0
    FROM analytics.daily_user_activity
    WHERE date >= {first:Date} AND date < {end:Date} AND date > today() - INTERVAL 2 YEAR
    GROUP BY ALL
    UNION ALL
    SELECT date, user_id, event_type, 0, 0, 0, sum(event_count)
    FROM rollups.rollup_user_activity_daily
    WHERE date >= {first:Date} AND date < {end:Date} AND date > today() - INTERVAL 2 YEAR
    GROUP BY ALL
)
GROUP BY ALL
"""
_TOTALS = f"""
SELECT count(), sum(events), sum(live_view), sum(rollup), countIf(differs)
FROM (
    SELECT *, events != live_view OR events != rollup OR events != rows AS differs FROM ({_COUNTS})
)
"""
_DIFFERENCES = f"""
SELECT * FROM ({_COUNTS}) WHERE events != live_view OR events != rollup OR events != rows
ORDER BY date, user_id, event_type LIMIT {{listed:UInt32}}
"""


def reconcile_activity(
    clickhouse: ClickHouseClient, month: date | None = None
) -> Iterator[Reconciled]:
    """`month`, or each month that has events."""
    months = [month] if month else [row[0] for row in clickhouse.query(_MONTHS).result_rows]
    for each in months:
        days = {"first": each, "end": next_month(each)}
        keys, events, view, rollup, differing = clickhouse.query(_TOTALS, days).result_rows[0]
        rows = (
            clickhouse.query(_DIFFERENCES, {**days, "listed": LISTED_AT_MOST}).result_rows
            if differing
            else ()
        )
        yield Reconciled(
            subject=SUBJECT,
            month=each,
            compared_count=keys,
            totals={"events": events, "live_view": view, "rollup": rollup},
            differing_count=differing,
            differences=tuple(_difference(row) for row in rows),
        )


def _difference(row: Sequence[Any]) -> Difference:
    day, user_id, event_type, events, rows, view, rollup = row
    reasons = []
    if rows != events:
        reasons.append(f"events whose id is stored twice: {rows - events}")
    if view > events:
        reasons.append("the live view counted events that are gone, or some twice")
    elif view < events:
        reasons.append("the live view was not there when the events came, or lost them")
    if rollup != events:
        reasons.append("the rollup is not refreshed, or events are in quarantine")
    return Difference(
        user_id,
        f"{day} {event_type}",
        {"events": events, "live_view": view, "rollup": rollup},
        tuple(reasons),
    )
