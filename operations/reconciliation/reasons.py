"""Why an amount is not the same in two places, as far as the places themselves can tell.

Belongs here: looking closer at what differs, entry by entry. That it differs is found in `usage`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from operations.reconciliation.places import Key, next_month
from stores.clickhouse.client import ClickHouseClient
from stores.postgres.client import Connection
from stores.redis_store import client as redis_client
from stores.redis_store.keys import Database, usage_key

_NOBODY = "00000000-0000-0000-0000-000000000000"
_ENTRIES = f"""
SELECT id, count FROM usage_tracking
WHERE coalesce(user_id, '{_NOBODY}') = %(user)s AND resource_type = %(resource)s
    AND date >= %(first)s AND date < %(end)s
"""
_CAPTURED_ENTRIES = f"""
SELECT toString(id), count FROM oltp.usage_tracking
WHERE ifNull(user_id, toUUID('{_NOBODY}')) = {{user:UUID}} AND resource_type = {{resource:String}}
    AND toDate(date) >= {{first:Date}} AND toDate(date) < {{end:Date}}
"""
_QUARANTINED = """
SELECT count() FROM oltp.usage_tracking
WHERE id IN (SELECT row_id FROM expectations.quarantined WHERE suite = 'usage_tracking')
    AND user_id = {user:UUID} AND resource_type = {resource:String}
    AND toDate(date) >= {first:Date} AND toDate(date) < {end:Date}
"""
_BEHIND = """
SELECT bool_or(active), max(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn))::bigint
FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database()
"""
_REFRESHED = """
SELECT (SELECT max(data_until) FROM rollups.rollup_freshness WHERE name = 'usage_tracking'),
    (SELECT max(refreshed_at) FROM rollups.rollup_freshness WHERE name = 'usage_tracking'),
    (SELECT max(_captured_at) FROM oltp_log.usage_tracking),
    (SELECT count() FROM system.tables WHERE database = 'expectations' AND name = 'quarantined')
"""


@dataclass(frozen=True)
class Standing:
    """How far the platform is as a whole; asked once, where anything differs."""

    capture: str
    rollup_until: datetime
    refreshed_at: datetime
    captured_until: datetime
    has_quarantine: bool

    @property
    def is_rollup_behind(self) -> bool:
        return self.rollup_until < self.captured_until


def read_standing(postgres: Connection, clickhouse: ClickHouseClient) -> Standing:
    """Where capture and the refresh of the rollups stand."""
    is_active, behind = postgres.execute(_BEHIND).fetchall()[0]
    if behind is None:
        capture = "change capture has no slot in this database"
    elif not is_active:
        capture = f"change capture is not running and {behind} bytes of the log behind"
    else:
        capture = f"change capture is {behind} bytes of the log behind"
    until, refreshed, captured, quarantine = clickhouse.query(_REFRESHED).result_rows[0]
    return Standing(capture, until, refreshed, captured, bool(quarantine))


def reasons(
    key: Key,
    amounts: Mapping[str, int | None],
    standing: Standing,
    postgres: Connection,
    clickhouse: ClickHouseClient,
) -> tuple[str, ...]:
    """At least one for each place that does not agree with the one before it."""
    found: list[str] = []
    month, user_id, resource = key
    what = {"user": user_id, "resource": resource, "first": month, "end": next_month(month)}
    if amounts["captured"] != amounts["postgres"]:
        found += _of_capture(what, standing, postgres, clickhouse)
    if amounts["rollup"] != amounts["captured"]:
        found.append(_of_rollup(what, standing, clickhouse))
    counted, used = amounts["redis"], amounts["postgres"] or 0
    if counted is not None and counted != used:
        found.append(_of_counter(key, counted - used))
    return tuple(found)


def _of_capture(
    what: Mapping[str, object],
    standing: Standing,
    postgres: Connection,
    clickhouse: ClickHouseClient,
) -> list[str]:
    ledger = {str(row[0]): row[1] for row in postgres.execute(_ENTRIES.encode(), what).fetchall()}
    found = clickhouse.query(_CAPTURED_ENTRIES, dict(what)).result_rows
    captured = {str(row[0]): row[1] for row in found}
    both = ledger.keys() & captured.keys()
    missing = len(ledger.keys() - captured.keys())
    gone = len(captured.keys() - ledger.keys())
    changed = sum(ledger[key] != captured[key] for key in both)
    said = [
        f"not captured: {missing} of {len(ledger)} entries of the ledger" if missing else "",
        f"captured, but not in the ledger: {gone} entries" if gone else "",
        f"captured with another amount: {changed} entries" if changed else "",
    ]
    causes = [each for each in said if each] or ["the ledger was written while it was read"]
    return [f"{cause}; {standing.capture} (interview-data cdc verify)" for cause in causes]


def _of_rollup(what: Mapping[str, object], standing: Standing, clickhouse: ClickHouseClient) -> str:
    if standing.has_quarantine:
        count = clickhouse.query(_QUARANTINED, dict(what)).result_rows[0][0]
        if count:
            return f"in quarantine and so not in the rollup: {count} captured entries"
    if standing.is_rollup_behind:
        return (
            "the rollup is not refreshed: it reaches to"
            f" {standing.rollup_until:%Y-%m-%d %H:%M:%S}, capture to"
            f" {standing.captured_until:%Y-%m-%d %H:%M:%S} UTC"
        )
    return (
        "the rollup is another sum than that of the captured entries, though it was refreshed at"
        f" {standing.refreshed_at:%Y-%m-%d %H:%M:%S} UTC"
        " (interview-data dbt warehouse build --select rollups)"
    )


def _of_counter(key: Key, ahead: int) -> str:
    month, user_id, resource = key
    first = datetime(month.year, month.month, 1, tzinfo=UTC)
    holds = f"{usage_key(user_id, resource, first)}:holds"
    with redis_client.connect(Database.USAGE) as redis:
        held: Any = redis.zrange(holds, 0, -1)
    under_way = sum(str(hold).startswith("c:") for hold in held)
    if under_way and ahead > 0:
        return f"redis counts what is on its way to the ledger: {under_way} operations"
    if ahead > 0:
        return f"redis counts {ahead} that the ledger does not have, until it is counted anew"
    return f"redis is behind by {-ahead}: entries were written past the counter, or it forgot them"
