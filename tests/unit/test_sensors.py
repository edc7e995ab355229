"""What the freshness sensor makes of the runs there have been."""

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from orchestration import sensors
from orchestration.jobs import BUILD, CHECK, REFRESH
from orchestration.sensors import Cursor, delete_old_runs, is_running, last_failed

BOTH = (REFRESH, BUILD)


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def _wanted(
    instance: dg.DagsterInstance, moved: list[str], seconds: float, models: str = "m"
) -> str | None:
    return sensors._wanted(instance, Cursor(models="m"), models, moved, seconds)


def test_nothing_runs_while_nothing_has_moved(instance: dg.DagsterInstance) -> None:
    assert _wanted(instance, [], seconds=1000) is None
    assert _wanted(instance, ["user_events"], seconds=1) == REFRESH


def test_changed_models_are_built_before_rollups_are_refreshed(
    instance: dg.DagsterInstance,
) -> None:
    assert _wanted(instance, ["user_events"], seconds=1, models="other") == BUILD


def test_a_failed_run_is_repeated_but_not_at_once(instance: dg.DagsterInstance) -> None:
    create_run_for_test(instance, job_name=REFRESH, status=dg.DagsterRunStatus.FAILURE)
    assert last_failed(instance, BOTH) == REFRESH
    assert _wanted(instance, [], seconds=10) is None
    assert _wanted(instance, [], seconds=61) == REFRESH
    create_run_for_test(instance, job_name=BUILD, status=dg.DagsterRunStatus.SUCCESS)
    assert last_failed(instance, BOTH) is None


def test_a_run_under_way_is_seen_and_a_finished_one_is_not(instance: dg.DagsterInstance) -> None:
    create_run_for_test(instance, job_name=REFRESH, status=dg.DagsterRunStatus.SUCCESS)
    assert not is_running(instance, BOTH)
    create_run_for_test(instance, job_name=BUILD, status=dg.DagsterRunStatus.STARTED)
    assert is_running(instance, BOTH)


def test_only_the_newest_refreshes_are_kept(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "KEPT_RUNS", 2)
    made = [
        create_run_for_test(instance, job_name=REFRESH, status=dg.DagsterRunStatus.SUCCESS).run_id
        for _ in range(5)
    ]
    assert delete_old_runs(instance) == 3
    assert set(instance.get_run_ids(dg.RunsFilter(job_name=REFRESH))) == set(made[3:])


def test_a_cursor_survives_being_written_down() -> None:
    cursor = Cursor("m", {"users": "1"}, 2.5)
    assert Cursor.parse(cursor.dump()) == cursor
    assert Cursor.parse(None) == Cursor()


@pytest.fixture
def confirmed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was confirmed, with nothing on its way and no store to ask."""
    calls: list[str] = []
    monkeypatch.setattr(sensors, "connect", lambda: None)
    monkeypatch.setattr(sensors, "is_anything_on_its_way", lambda: False)
    monkeypatch.setattr(sensors, "confirm", lambda _: calls.append("confirmed"))
    return calls


def _cursor_after(tick: dg.SensorResult) -> Cursor:
    return Cursor.parse(tick.cursor)


def test_while_nothing_lands_the_rollups_are_confirmed_once_a_minute(
    instance: dg.DagsterInstance, confirmed: list[str]
) -> None:
    cursor = Cursor("m", {"users": "1"}, requested_at=1000)
    assert _cursor_after(sensors._idle(instance, cursor, now=1059)) == cursor
    assert not confirmed
    cursor = _cursor_after(sensors._idle(instance, cursor, now=1061))
    assert (cursor.confirmed_at, len(confirmed)) == (1061, 1)
    sensors._idle(instance, cursor, now=1100)
    assert len(confirmed) == 1
    sensors._idle(instance, cursor, now=1122)
    assert len(confirmed) == 2


def test_nothing_is_confirmed_while_something_is_on_its_way(
    instance: dg.DagsterInstance, confirmed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "is_anything_on_its_way", lambda: True)
    sensors._idle(instance, Cursor("m"), now=1000)
    assert not confirmed


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_nothing_is_confirmed_after_a_refresh_that_did_not_end_well(
    instance: dg.DagsterInstance, confirmed: list[str], status: dg.DagsterRunStatus
) -> None:
    create_run_for_test(instance, job_name=REFRESH, status=status)
    sensors._idle(instance, Cursor("m"), now=1000)
    assert not confirmed
    assert _wanted(instance, [], seconds=61) == REFRESH


def _check_tick(instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    job = dg.define_asset_job(CHECK)
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    result = sensors.daily_checks(job)(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_the_checks_run_once_a_day_after_the_first_refresh(instance: dg.DagsterInstance) -> None:
    assert not _check_tick(instance, None).run_requests
    create_run_for_test(instance, job_name=REFRESH, status=dg.DagsterRunStatus.SUCCESS)
    first = _check_tick(instance, "2020-01-01 1")
    assert first.run_requests
    create_run_for_test(instance, job_name=CHECK, status=dg.DagsterRunStatus.SUCCESS)
    assert not _check_tick(instance, first.cursor).run_requests


def test_checks_that_met_a_store_away_run_again_but_not_for_ever(
    instance: dg.DagsterInstance,
) -> None:
    create_run_for_test(instance, job_name=REFRESH, status=dg.DagsterRunStatus.SUCCESS)
    cursor, keys = None, []
    for _ in range(10):
        tick = _check_tick(instance, cursor)
        if tick.run_requests:
            keys.append(tick.run_requests[0].run_key)
            create_run_for_test(instance, job_name=CHECK, status=dg.DagsterRunStatus.FAILURE)
        cursor = tick.cursor
    assert len(set(keys)) == len(keys) == sensors.CHECK_ATTEMPTS
