"""Waiting until posted events are visible in ClickHouse.

Belongs here: asking by id, so that rows of others do not count, and counting by user where the
users are the loader's own. The ids are asked for in the order in which they were posted, so a
part that is there is not asked for again.
"""

import time
from collections.abc import Sequence
from datetime import date

from ingestion.loaders.report import Progress
from stores.clickhouse import client

_ASKED_AT_ONCE = 2_000
_PAUSE_SECONDS = 0.5


def check() -> None:
    """Raises SettingInvalid or StoreUnavailable now, rather than after everything was posted."""
    client.connect().close()


def wait_until_landed(
    table: str,
    id_field: str,
    ids: Sequence[str],
    days: tuple[date, date],
    *,
    timeout_seconds: float,
    progress: Progress,
) -> int:
    """How many of `ids` are in analytics.`table` when all are, or when nothing more has landed
    for so long.

    `days` are the first and the last day of the events: older partitions are not read.
    """
    clickhouse = client.connect()
    give_up_at = time.monotonic() + timeout_seconds
    landed = at = most = 0
    while at < len(ids):
        part = ids[at : at + _ASKED_AT_ONCE]
        found = clickhouse.query(
            f"SELECT uniqExact({id_field}) FROM analytics.{table}"
            f" WHERE date BETWEEN {{first:Date}} AND {{last:Date}}"
            f" AND {id_field} IN {{ids:Array(UUID)}}",
            parameters={"first": days[0], "last": days[1], "ids": part},
        ).result_rows[0][0]
        progress("waiting until they are in ClickHouse", landed + found, len(ids))
        if landed + found > most:
            most, give_up_at = landed + found, time.monotonic() + timeout_seconds
        if found == len(set(part)):
            landed, at = landed + found, at + len(part)
        elif time.monotonic() > give_up_at:
            return landed + int(found)
        else:
            time.sleep(_PAUSE_SECONDS)
    return landed


def wait_until_counted(
    table: str,
    user_ids: Sequence[str],
    days: tuple[date, date],
    expected: int,
    *,
    timeout_seconds: float,
    progress: Progress,
) -> int:
    """How many rows of `user_ids` are in analytics.`table` when `expected` are, or when nothing
    more has landed for so long."""
    clickhouse = client.connect()
    users = client.ExternalTable(
        file_name="users", data="\n".join(user_ids).encode(), fmt="TSV", structure="user_id UUID"
    )
    before, give_up_at = -1, 0.0
    while True:
        found = clickhouse.query(
            f"SELECT count() FROM analytics.{table}"
            " WHERE date BETWEEN {first:Date} AND {last:Date}"
            " AND user_id IN (SELECT user_id FROM users)",
            parameters={"first": days[0], "last": days[1]},
            external_data=users,
        ).result_rows[0][0]
        counted = min(int(found), expected)
        progress(f"waiting until {table} are in ClickHouse", counted, expected)
        if counted > before:
            before, give_up_at = counted, time.monotonic() + timeout_seconds
        if counted == expected or time.monotonic() > give_up_at:
            return counted
        time.sleep(_PAUSE_SECONDS)
