"""Days that are asked for are computed anew, also where no comparison would find them."""

from datetime import date

import dagster as dg
import pytest
from fix_warehouse import Warehouse, make_customer

from interview_data.commands.backfill import _checked
from orchestration.assets.restated import restated_days
from orchestration.dbt_projects import WAREHOUSE
from stores.errors import InputInvalid

_START, _END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_ninety_days_are_restated_by_one_run(warehouse: Warehouse) -> None:
    customer = make_customer(warehouse, None)
    for days_ago in (0, 10, 89, 120):
        warehouse.events(customer, days_ago, count=2)
    warehouse.build()
    # As somebody's hand in the table: the number of events, which is compared, stays.
    warehouse.client.command(
        "ALTER TABLE rollups.rollup_user_activity_daily UPDATE session_count = 77 WHERE true"
        " SETTINGS mutations_sync = 1"
    )
    warehouse.refresh()
    sessions = "SELECT date, session_count FROM rollups.rollup_user_activity_daily ORDER BY date"
    assert {count for _, count in warehouse.rows(sessions)} == {77}

    asset = restated_days(WAREHOUSE.ensure_manifest())
    instance = dg.DagsterInstance.ephemeral()
    days = {_START: str(warehouse.day(89)), _END: str(warehouse.day(0))}
    assert dg.materialize([asset], instance=instance, tags=days).success

    found = dict(warehouse.rows(sessions))
    assert [found[warehouse.day(n)] for n in (0, 10, 89)] == [1, 1, 1]
    assert found[warehouse.day(120)] == 77
    assert len(instance.get_materialized_partitions(asset.key)) == 90


def test_days_that_cannot_be_are_refused_by_name() -> None:
    today = date(2026, 11, 25)
    assert _checked(date(2026, 8, 1), None, today) == (date(2026, 8, 1), today)
    for first, last, named in (
        (date(2023, 12, 31), None, "--from"),
        (date(2026, 11, 26), None, "--from"),
        (date(2026, 11, 2), date(2026, 11, 1), "--from"),
        (date(2026, 11, 2), date(2026, 11, 26), "--until"),
    ):
        with pytest.raises(InputInvalid, match=named):
            _checked(first, last, today)
