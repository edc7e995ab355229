"""Usage and activity are the same in all places, or whoever differs is named with the reason."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import dagster as dg
import pytest
from click.testing import CliRunner
from fix_usage import UsageTables
from fix_warehouse import Warehouse

from interview_data.cli import main
from operations.reconciliation.run import reconcile
from orchestration.checks.reconciliation import reconciliation_checks
from stores.postgres.client import connect as connect_postgres
from stores.redis_store.client import connect as connect_redis
from stores.redis_store.keys import Database, usage_key

ENTRY = UUID(int=77)


@dataclass
class Places:
    """One customer who used 5 interviews this month, by all four places."""

    warehouse: Warehouse
    database_url: str
    user_id: UUID

    def ledger(self, statement: str, *values: Any) -> None:
        with connect_postgres(self.database_url, autocommit=True) as connection:
            connection.execute(statement.encode(), values)

    def captured(self, count: int, entry: UUID = ENTRY) -> None:
        self.warehouse.capture(
            "usage_tracking",
            id=entry,
            user_id=self.user_id,
            resource_type="interviews",
            count=count,
            date=self.warehouse.today,
        )

    def rollup(self, count: int, refreshed: datetime | None = None) -> None:
        tables = UsageTables(self.warehouse.client)
        tables.client.command("TRUNCATE TABLE rollups.rollup_usage_monthly")
        month = self.warehouse.today.replace(day=1)
        row = {"month": month, "user_id": self.user_id, "resource_type": "interviews"}
        tables.insert("rollups.rollup_usage_monthly", [{**row, "used_count": count}])
        at = refreshed or datetime.now(UTC)
        tables.freshness(at, at)

    def counter(self, count: int) -> None:
        with connect_redis(Database.USAGE) as redis:
            redis.set(usage_key(self.user_id, "interviews", datetime.now(UTC)), count)

    def agree(self) -> None:
        """Put everything back."""
        self.ledger("UPDATE usage_tracking SET count = 5")
        self.ledger("DELETE FROM usage_tracking WHERE id != %s", ENTRY)
        self.captured(5)
        self.rollup(5)
        self.counter(5)


@pytest.fixture
def places(warehouse: Warehouse, postgres_url: str, redis_url: str) -> Places:
    found = Places(warehouse, postgres_url, uuid4())
    UsageTables(warehouse.client).create()
    found.ledger(
        "INSERT INTO users (id, email, password_hash) VALUES (%s, 'a@b.example', '-')",
        found.user_id,
    )
    found.ledger(
        "INSERT INTO usage_tracking (id, user_id, resource_type, count, date)"
        " VALUES (%s, %s, 'interviews', 5, CURRENT_DATE)",
        ENTRY,
        found.user_id,
    )
    found.agree()
    return found


def _not_captured(places: Places) -> None:
    places.ledger(
        "INSERT INTO usage_tracking (user_id, resource_type, count, date)"
        " SELECT id, 'interviews', 1, CURRENT_DATE FROM users"
    )
    places.counter(6)


def test_a_difference_of_one_at_any_place_names_the_user_and_the_reason(places: Places) -> None:
    assert reconcile().is_equal
    planted: list[tuple[Callable[[], None], dict[str, int], str]] = [
        (
            lambda: _not_captured(places),
            {"postgres": 6, "captured": 5, "rollup": 5, "redis": 6},
            "not captured: 1 of 2 entries of the ledger; change capture has no slot",
        ),
        (
            lambda: places.captured(4),
            {"postgres": 5, "captured": 4, "rollup": 5, "redis": 5},
            "captured with another amount: 1 entries",
        ),
        (
            lambda: places.rollup(4),
            {"postgres": 5, "captured": 5, "rollup": 4, "redis": 5},
            "the rollup is another sum than that of the captured entries",
        ),
        (
            lambda: places.rollup(4, datetime(2026, 1, 1, tzinfo=UTC)),
            {"postgres": 5, "captured": 5, "rollup": 4, "redis": 5},
            "the rollup is not refreshed: it reaches to 2026-01-01",
        ),
        (
            lambda: places.counter(4),
            {"postgres": 5, "captured": 5, "rollup": 5, "redis": 4},
            "redis is behind by 1",
        ),
        (
            lambda: places.counter(6),
            {"postgres": 5, "captured": 5, "rollup": 5, "redis": 6},
            "redis counts 1 that the ledger does not have",
        ),
    ]
    for plant, amounts, reason in planted:
        plant()
        report = reconcile()
        [difference] = [each for item in report.items for each in item.differences]
        assert (difference.user_id, difference.amounts) == (places.user_id, amounts), reason
        assert any(said.startswith(reason) for said in difference.reasons), difference.reasons
        places.agree()
    assert reconcile().is_equal
    # Each look is kept, with who differed and why.
    kept = places.warehouse.rows(
        "SELECT differing_count, differences FROM platform.reconciliations"
        " WHERE subject = 'interviews' ORDER BY reconciled_at"
    )
    assert [count for count, _ in kept] == [0, 1, 1, 1, 1, 1, 1, 0]
    assert str(places.user_id) in kept[1][1][0]
    assert "not captured" in kept[1][1][0]


def test_a_counter_that_is_not_kept_is_no_difference(places: Places) -> None:
    with connect_redis(Database.USAGE) as redis:
        redis.flushdb()
        redis.set(f"usage:{places.user_id}:interviews:2026-11:state", "of another kind")
    report = reconcile()
    assert report.is_equal
    assert report.of("interviews")[0].totals["redis"] is None


def test_activity_that_was_counted_otherwise_is_named_by_day_and_type(places: Places) -> None:
    places.warehouse.events(places.user_id, 0, count=3)
    places.warehouse.client.insert(
        "analytics.daily_user_activity",
        [[places.warehouse.today, places.user_id, "page_view", 1]],
        column_names=["date", "user_id", "event_type", "event_count"],
    )
    [item] = reconcile().of("activity")
    [difference] = item.differences
    assert difference.amounts == {"events": 3, "live_view": 4, "rollup": 0}
    assert difference.detail == f"{places.warehouse.today} page_view"
    assert "live view" in difference.reasons[0]


def test_the_command_and_the_check_turn_red(places: Places) -> None:
    month = f"{places.warehouse.today:%Y-%m}"
    run = CliRunner()
    fine = run.invoke(main, ["reconcile", "--month", month])
    assert (fine.exit_code, "All places agree." in fine.output) == (0, True)
    places.counter(6)
    asked = ["reconcile", "--month", month, "--wait-seconds", "0"]
    red = run.invoke(main, asked)
    assert red.exit_code == 1
    assert f"user {places.user_id}: postgres 5, captured 5, rollup 5, redis 6" in red.output
    told = run.invoke(main, [*asked, "--json"])
    assert (told.exit_code, json.loads(told.output)["is_equal"]) == (1, False)
    assert run.invoke(main, ["reconcile", "--month", "2026-13"]).exit_code == 2

    job = dg.define_asset_job("check", selection=dg.AssetSelection.all_asset_checks())
    assets = [dg.AssetSpec(["rollups", "rollup_usage_monthly"])]
    assets += [dg.AssetSpec(["analytics", "daily_user_activity"])]
    checks = reconciliation_checks(patience_seconds=0.0)
    done = (
        dg.Definitions(assets=assets, asset_checks=[checks], jobs=[job])
        .resolve_job_def("check")
        .execute_in_process()
    )
    answers = {each.check_name: each.passed for each in done.get_asset_check_evaluations()}
    assert answers == {
        "same_analysis_everywhere": True,
        "same_interviews_everywhere": False,
        "same_storage_everywhere": True,
        "same_activity_everywhere": True,
    }
