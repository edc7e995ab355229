"""Bad rows and the models: what is left out, what is held back, and what goes on."""

from pathlib import Path

import dagster as dg
import pytest
from fix_expectations import AHEAD, Landed

from expectations import gate, quarantine
from expectations.suites import SUITES


@pytest.fixture
def definitions(landed: Landed) -> dg.Definitions:
    """The code location, as it is loaded by Dagster."""
    from orchestration.definitions import definitions

    return definitions


def _refresh(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> dg.ExecuteInProcessResult:
    job = definitions.resolve_job_def("refresh_rollups")
    return job.execute_in_process(instance=instance, raise_on_error=False)


@pytest.mark.timeout(600)
def test_a_blocked_table_holds_back_the_models_behind_it_and_no_other(
    landed: Landed, definitions: dg.Definitions, tmp_path: Path
) -> None:
    landed.warehouse.build()
    for _ in range(quarantine.FEW + 1):
        landed.put("usage_tracking", count=-1)
    landed.put("user_events")
    # A warning alone: an unknown state.
    landed.put("users", status="strange")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = _refresh(definitions, instance)
        assert not result.success
        built = {
            event.step_materialization_data.materialization.asset_key.path[-1]
            for event in result.all_events
            if event.is_step_materialization
        }
        assert "rollup_user_activity_daily" in built
        assert not built & {"rollup_usage_daily", "rollup_usage_monthly", "rollup_freshness"}
        [failure] = [event for event in result.all_events if event.is_step_failure]
        said = str(failure.step_failure_data.user_failure_data or failure.step_failure_data.error)
        assert "oltp.usage_tracking: 11 of 12 rows are in quarantine" in said
        assert "rollup_usage_daily" in said
        red = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(dg.AssetKey(["oltp", "usage_tracking"]), "expectations")]
        )
        assert [record.status.value for record in red.values()] == ["FAILED"]
    events = "SELECT sum(event_count) FROM rollups.rollup_user_activity_daily"
    assert landed.warehouse.rows(events) == [(2,)]


@pytest.mark.timeout(300)
def test_one_bad_row_is_left_out_of_mart_and_rollup_and_a_release_brings_it_back(
    landed: Landed,
) -> None:
    warehouse, suite = landed.warehouse, SUITES["usage_tracking"]
    key = landed.put("usage_tracking", count=5, date=AHEAD.date())
    event = landed.put("user_events", event_data="no object")
    used = "SELECT sum(used_count) FROM rollups.rollup_usage_daily"
    seen = f"SELECT count() FROM marts.fct_user_events WHERE event_id = '{event}'"
    warehouse.build("+rollup_usage_daily", "+fct_user_events")
    assert (warehouse.rows(used), warehouse.rows(seen)) == ([(6,)], [(1,)])

    gate.look(warehouse.client, SUITES.values())
    warehouse.build("int_landed", "int_usage__entries", "rollup_usage_daily")
    assert (warehouse.rows(used), warehouse.rows(seen)) == ([(1,)], [(0,)])

    quarantine.release(warehouse.client, suite, [key])
    gate.look(warehouse.client, SUITES.values())
    warehouse.build("int_landed", "int_usage__entries", "rollup_usage_daily")
    assert (warehouse.rows(used), warehouse.rows(seen)) == ([(6,)], [(0,)])
