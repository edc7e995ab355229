"""The whole platform, as `make run` starts it: data flows to the rollups, and kills change nothing.

One platform serves every test of this module; the tests run in the order in which they stand.
"""

import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fix_stack import (
    RunningStack,
    as_json,
    interview_data,
    new_home,
    start_stack,
    wait_until,
)

from interview_data.platform import APPLICATIONS
from stores.clickhouse import client as clickhouse
from stores.local.stack import STORES
from stores.postgres import client as postgres

pytestmark = pytest.mark.timeout(600)

START_SECONDS = 180
# The promise is 5 s and 60 s on a machine that has nothing else to do; a test that shares
# two cores with others only asks that it happens without a hand.
LANDED_SECONDS = 60
ROLLED_UP_SECONDS = 360


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningStack]:
    """Everything, with a small demo population loaded."""
    home = new_home()
    running = start_stack(home, [*STORES, *APPLICATIONS])
    try:
        running.wait_ready(START_SECONDS)
        demo = ("load", "demo", "--users", "12", "--days", "14", "--seed", "7")
        loaded = interview_data(*demo, home=home, timeout=180)
        assert loaded.returncode == 0, loaded.stdout + loaded.stderr
        yield running
    finally:
        running.stop()
        shutil.rmtree(home.path, ignore_errors=True)


@dataclass(frozen=True)
class Changed:
    """Who has a row committed, and who two events posted twice, after everything was loaded."""

    user_with_usage: str
    user_with_events: str


@pytest.fixture(scope="module")
def changed(platform: RunningStack) -> Changed:
    """Both changes at once: the tests wait for them while the first build is under way."""
    with postgres.connect(platform.environment["DATABASE_URL"]) as connection:
        row = connection.execute(
            "INSERT INTO usage_tracking (user_id, subscription_id, resource_type, count, date)"
            " SELECT user_id, id, 'interviews', 1000003, current_date FROM subscriptions"
            " WHERE status = 'active' ORDER BY id LIMIT 1 RETURNING user_id"
        ).fetchone()
    assert row is not None
    user = str(uuid.uuid4())
    events = [_event(user), _event(user)]
    _post(platform, "/v1/events", events)
    _post(platform, "/v1/events", events)
    return Changed(str(row[0]), user)


def _scalar(running: RunningStack, sql: str, **parameters: Any) -> Any:
    client = clickhouse.connect(running.environment["CLICKHOUSE_URL"])
    try:
        return client.query(sql, parameters=parameters).result_rows[0][0]
    finally:
        client.close()


def _try_scalar(running: RunningStack, sql: str, **parameters: Any) -> Any:
    """None while the table is not there yet, or ClickHouse is coming back."""
    try:
        return _scalar(running, sql, **parameters)
    except Exception:
        return None


def _post(running: RunningStack, path: str, items: list[dict[str, Any]]) -> None:
    values = running.environment
    answer = httpx.post(
        values["API_URL"] + path,
        json=items,
        headers={"Authorization": f"Bearer {values['API_KEY']}"},
        timeout=30,
    )
    assert answer.status_code == 202, answer.text


def _event(user: str) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "user_id": user,
        "event_type": "page_view",
        "event_data": {"path": "/"},
        "session_id": str(uuid.uuid4()),
        "user_agent": "test",
        "ip_address": "127.0.0.1",
        "timestamp": datetime.now(UTC).isoformat(),
    }


def _verified(running: RunningStack) -> bool:
    done = interview_data("cdc", "verify", "--json", home=running.home, timeout=120)
    if done.returncode != 0:
        return False
    tables = as_json(done)
    return len(tables) == 16 and all(table["is_equal"] for table in tables)


def _rollups_equal_raw(running: RunningStack) -> bool:
    rolled = (
        "SELECT sum(event_count) FROM rollups.rollup_user_activity_daily",
        "SELECT sum(used_count) FROM rollups.rollup_usage_daily",
        "SELECT sum(used_count) FROM rollups.rollup_usage_monthly",
        "SELECT sum(request_count) FROM rollups.rollup_api_health_hourly",
    )
    raw = (
        "SELECT count() FROM analytics.user_events",
        "SELECT sum(count) FROM oltp.usage_tracking",
        "SELECT sum(count) FROM oltp.usage_tracking",
        "SELECT count() FROM analytics.api_metrics",
    )
    return all(
        (found := _try_scalar(running, left)) and found == _try_scalar(running, right)
        for left, right in zip(rolled, raw, strict=True)
    )


def test_every_captured_table_is_equal_to_its_source(platform: RunningStack) -> None:
    wait_until(lambda: _verified(platform), LANDED_SECONDS, "cdc verify")
    assert _scalar(platform, "SELECT count() FROM oltp.users") >= 12


def test_a_committed_change_reaches_clickhouse_and_then_the_rollups(
    platform: RunningStack, changed: Changed
) -> None:
    user = changed.user_with_usage
    landed = (
        "SELECT count() FROM oltp.usage_tracking WHERE user_id = {user:UUID} AND count = 1000003"
    )
    wait_until(lambda: _scalar(platform, landed, user=user) == 1, LANDED_SECONDS, "captured")
    rolled = (
        "SELECT sum(used_count) FROM rollups.rollup_usage_monthly"
        " WHERE user_id = {user:UUID} AND resource_type = 'interviews'"
    )
    wait_until(
        lambda: (_try_scalar(platform, rolled, user=user) or 0) >= 1_000_003,
        ROLLED_UP_SECONDS,
        "rolled up",
    )


def test_a_posted_event_reaches_clickhouse_and_then_the_rollups_once(
    platform: RunningStack, changed: Changed
) -> None:
    user = changed.user_with_events
    landed = "SELECT count() FROM analytics.user_events WHERE user_id = {user:UUID}"
    wait_until(lambda: _scalar(platform, landed, user=user) == 2, LANDED_SECONDS, "landed")
    rolled = (
        "SELECT sum(event_count) FROM rollups.rollup_user_activity_daily"
        " WHERE user_id = {user:UUID}"
    )
    wait_until(
        lambda: (_try_scalar(platform, rolled, user=user) or 0) == 2, ROLLED_UP_SECONDS, "rolled up"
    )


def test_the_rollups_add_up_to_what_was_landed_without_a_hand(platform: RunningStack) -> None:
    wait_until(lambda: _rollups_equal_raw(platform), ROLLED_UP_SECONDS, "rollups equal raw")


def test_the_api_measures_the_requests_it_serves(platform: RunningStack) -> None:
    measured = (
        "SELECT count() FROM analytics.api_metrics"
        " WHERE service_name = 'interview-data-api' AND endpoint = '/v1/events'"
    )
    wait_until(lambda: _scalar(platform, measured) >= 2, LANDED_SECONDS, "measured")


@pytest.mark.parametrize(
    "name",
    [
        *("postgres", "clickhouse", "change-capture"),
        *(
            # Each has a kill test of its own elsewhere.
            pytest.param(name, marks=pytest.mark.long)
            for name in ("redis", "object-store", "search", "event-bus", "event-writer", "api")
        ),
    ],
)
def test_after_a_kill_everything_is_equal_again(platform: RunningStack, name: str) -> None:
    before = platform.service(name)
    user = str(uuid.uuid4())
    events = [_event(user) for _ in range(20)]
    with postgres.connect(platform.environment["DATABASE_URL"]) as connection:
        connection.execute("UPDATE users SET updated_at = now()")
    _post(platform, "/v1/events", events)
    os.kill(before["pid"], signal.SIGKILL)
    platform.wait_restarted(name, before["restart_count"], seconds=60)
    landed = "SELECT count() FROM analytics.user_events WHERE user_id = {user:UUID}"
    wait_until(
        lambda: _try_scalar(platform, landed, user=user) == 20, LANDED_SECONDS, "events are there"
    )
    wait_until(lambda: _verified(platform), LANDED_SECONDS, f"equal after {name} was killed")
    counted = "SELECT sum(event_count) FROM analytics.daily_user_activity"
    raw = "SELECT count() FROM analytics.user_events"
    assert _scalar(platform, counted) == _scalar(platform, raw)


def test_after_all_the_kills_the_rollups_still_add_up(platform: RunningStack) -> None:
    wait_until(lambda: _rollups_equal_raw(platform), ROLLED_UP_SECONDS, "rollups equal raw")
