"""The four places in which metered usage is kept, each read in its own words.

Belongs here: reading. A place is a mapping from month, user and resource to an amount, of 300
bytes an entry: a million customers with three resources would take a gigabyte a month.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from stores.clickhouse.client import ClickHouseClient
from stores.postgres.client import Connection
from stores.redis_store.usage_counters import read_usage_counters

PLACES = ("postgres", "captured", "rollup", "redis")
Key = tuple[date, UUID, str]
Amounts = dict[Key, int]

_NOBODY = "00000000-0000-0000-0000-000000000000"
_LEDGER = f"""
SELECT date_trunc('month', date)::date, coalesce(user_id, '{_NOBODY}'), resource_type,
    sum(count)::bigint
FROM usage_tracking
WHERE date >= %(first)s AND date < %(end)s
GROUP BY 1, 2, 3
"""
# The view has each entry once, in its newest version.
_CAPTURED = f"""
SELECT toStartOfMonth(toDate(date)), ifNull(user_id, toUUID('{_NOBODY}')), resource_type, sum(count)
FROM oltp.usage_tracking
WHERE toDate(date) >= {{first:Date}} AND toDate(date) < {{end:Date}}
GROUP BY ALL
"""
_ROLLUP = """
SELECT month, user_id, toString(resource_type), sum(used_count)
FROM rollups.rollup_usage_monthly
WHERE month >= {first:Date} AND month < {end:Date}
GROUP BY ALL
"""


def read_usage(
    postgres: Connection, clickhouse: ClickHouseClient, first: date, end: date
) -> dict[str, Amounts]:
    """Every place, of the months that begin from `first` and before `end`.

    The later in the way of the data is read first: what comes in meanwhile is missing in a later
    place at most, never too much in it.
    """
    days = {"first": first, "end": end}
    redis = _entries((key.month, key.user_id, key.resource, n) for key, n in read_usage_counters())
    return {
        "redis": {key: amount for key, amount in redis.items() if first <= key[0] < end},
        "rollup": _entries(clickhouse.query(_ROLLUP, days).result_rows),
        "captured": _entries(clickhouse.query(_CAPTURED, days).result_rows),
        "postgres": _entries(postgres.execute(_LEDGER.encode(), days).fetchall()),
    }


def _entries(rows: Iterable[Sequence[Any]]) -> Amounts:
    return {
        (month, UUID(str(user_id)), resource): int(amount)
        for month, user_id, resource, amount in rows
    }


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)
