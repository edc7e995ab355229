"""Rollups equal what has landed, whatever happened to it since."""

from datetime import date
from uuid import uuid4

import pytest
from fix_warehouse import Warehouse, make_customer

# A build of all models takes a minute where tests share the machine.
pytestmark = pytest.mark.timeout(300)

_RESTATEMENTS = (
    "SELECT rollup, slice, before_count, after_count FROM platform.restatements"
    " WHERE rollup IN ('rollups.rollup_usage_daily', 'rollups.rollup_user_activity_daily')"
    " ORDER BY rollup, slice"
)


def _usage(warehouse: Warehouse) -> dict[tuple[date, str], int]:
    found = warehouse.rows(
        "SELECT date, resource_type, sum(used_count) FROM rollups.rollup_usage_daily GROUP BY ALL"
    )
    return {(day, resource): count for day, resource, count in found}


def test_rollups_follow_late_events_changes_and_deletes_slice_by_slice(
    warehouse: Warehouse,
) -> None:
    limited = make_customer(warehouse, {"interviews": 5, "storage": None})
    free = make_customer(warehouse, None)
    for days_ago in (0, 1, 40):
        warehouse.events(limited, days_ago, count=3)
    warehouse.requests(0, [200, 200, 404, 500])
    first = warehouse.use(limited, 0, 4)
    second = warehouse.use(limited, 0, 5)
    warehouse.use(limited, 0, 7, "storage")
    alone = warehouse.use(free, 75, 2)
    warehouse.build()

    activity = "SELECT date, event_count FROM rollups.rollup_user_activity_daily ORDER BY ALL"
    assert warehouse.rows(activity) == [(warehouse.day(n), 3) for n in (40, 1, 0)]
    health = (
        "SELECT request_count, client_error_count, server_error_count, response_time_ms_p50"
        " FROM rollups.rollup_api_health_hourly"
    )
    # Of 10, 20, 30 and 40 ms, as near as a sketch has it.
    assert warehouse.rows(health) == [(4, 1, 1, pytest.approx(20, rel=0.01))]
    monthly = (
        "SELECT used_count, plan_name, limit_count, overage_count"
        " FROM rollups.rollup_usage_monthly WHERE user_id = {user:UUID} ORDER BY resource_type"
    )
    assert warehouse.rows(monthly, user=limited) == [(9, "starter", 5, 4), (7, "starter", None, 0)]
    assert warehouse.rows(monthly, user=free) == [(2, "none", None, 0)]

    # Nothing new: nothing is touched.
    warehouse.refresh()
    assert warehouse.touched("rollup_user_activity_daily") == []
    assert warehouse.touched("rollup_usage_monthly") == []

    assert warehouse.rows(_RESTATEMENTS) == []

    # A late event, a changed amount, an amount moved to another day, and a deleted entry.
    warehouse.events(free, 40)
    same = {"user_id": limited, "resource_type": "interviews"}
    warehouse.capture("usage_tracking", id=first, count=1, date=warehouse.day(0), **same)
    warehouse.capture("usage_tracking", id=second, count=5, date=warehouse.day(1), **same)
    warehouse.delete("usage_tracking", alone)
    warehouse.refresh()
    assert warehouse.touched("rollup_user_activity_daily") == [warehouse.day(40)]
    assert warehouse.touched("rollup_usage_daily") == [warehouse.day(n) for n in (75, 1, 0)]
    # Recorded is what changed of days that were over; today is not.
    assert warehouse.rows(_RESTATEMENTS)[:3] == [
        ("rollups.rollup_usage_daily", warehouse.day(75), 2, 0),
        ("rollups.rollup_usage_daily", warehouse.day(1), 0, 5),
        ("rollups.rollup_user_activity_daily", warehouse.day(40), 3, 4),
    ]
    assert warehouse.rows(activity) == [
        (warehouse.day(40), 1),
        (warehouse.day(40), 3),
        (warehouse.day(1), 3),
        (warehouse.day(0), 3),
    ]
    assert _usage(warehouse) == {
        (warehouse.day(0), "interviews"): 1,
        (warehouse.day(1), "interviews"): 5,
        (warehouse.day(0), "storage"): 7,
    }
    assert warehouse.rows(monthly, user=free) == []

    # Every table truncated: the rollups are empty too.
    warehouse.client.command("TRUNCATE TABLE oltp_log.usage_tracking")
    warehouse.refresh()
    assert _usage(warehouse) == {}
    assert warehouse.rows("SELECT count() FROM rollups.rollup_usage_monthly") == [(0,)]


def test_a_planted_difference_of_one_turns_the_checks_red(warehouse: Warehouse) -> None:
    user_id = make_customer(warehouse, {"interviews": 5})
    warehouse.events(user_id, 0, count=3)
    warehouse.use(user_id, 0, 4)
    warehouse.build("+rollups", "stg_events__daily_user_activity")
    day = warehouse.day(0)
    # Moved from one type to another, and between users: the totals of the day stay the same.
    warehouse.client.command(
        "INSERT INTO rollups.rollup_user_activity_daily SELECT date, user_id, 'other', 1,"
        " session_count, first_event_at, last_event_at FROM rollups.rollup_user_activity_daily"
    )
    warehouse.client.insert(
        "rollups.rollup_usage_daily",
        [[day, uuid4(), "interviews", 1]],
        column_names=["date", "user_id", "resource_type", "used_count"],
    )
    warehouse.client.insert(
        "analytics.daily_user_activity",
        [[day, user_id, "page_view", 1]],
        column_names=["date", "user_id", "event_type", "event_count"],
    )
    found = warehouse.test_rollups()
    assert {name for name, became in found.items() if became != "pass"} == {
        "rollup_of_user_activity_counts_every_event_once",
        "live_view_of_user_activity_agrees_with_the_events",
        "rollup_of_usage_adds_up_to_the_ledger",
        "months_of_usage_add_up_to_their_days",
        "usage_against_limits_adds_up_to_usage_by_day",
    }


def test_a_broken_source_names_the_model_and_the_column(warehouse: Warehouse) -> None:
    warehouse.client.command("DROP VIEW oltp.usage_tracking")
    warehouse.client.command("CREATE VIEW oltp.usage_tracking AS SELECT 1 AS id")
    became = warehouse.dbt("run", "--select", "stg_oltp__usage_tracking")
    assert became == {"stg_oltp__usage_tracking": "error"}
    assert "user_id" in warehouse.messages["stg_oltp__usage_tracking"]


@pytest.mark.long
def test_every_model_builds_and_every_test_passes_without_any_data(warehouse: Warehouse) -> None:
    became = warehouse.dbt("build")
    assert became.pop("every_source_has_rows") == "warn"
    assert set(became.values()) <= {"success", "pass", "no-op"}, warehouse.messages
    empty = warehouse.rows(
        "SELECT name FROM rollups.rollup_freshness WHERE data_until < '1971-01-01'"
    )
    assert len(empty) == 19


def test_readers_cannot_change_what_a_missed_join_gives(warehouse: Warehouse) -> None:
    user_id = make_customer(warehouse, None)
    warehouse.build("+dim_users")
    with_nulls = "SELECT plan_name, role_names FROM marts.dim_users SETTINGS join_use_nulls = 1"
    assert warehouse.rows(with_nulls) == [("none", [])]
    assert warehouse.rows("SELECT user_id FROM marts.dim_users") == [(user_id,)]
