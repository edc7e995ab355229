"""What the ticks make of what has landed and of the runs there have been."""

import time

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from orchestration import sensors
from orchestration.jobs import CHECK
from orchestration.sensors import AUTOMATIC, Cursor, delete_old_runs, is_running


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def _run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, job: str = "a") -> str:
    """A run that the models' conditions have started."""
    return create_run_for_test(instance, job_name=job, status=status, tags=AUTOMATIC).run_id


def _built(instance: dg.DagsterInstance) -> None:
    _run(instance, dg.DagsterRunStatus.SUCCESS)
    instance.report_runless_asset_event(dg.AssetMaterialization(sensors.FRESHNESS))


def test_a_run_under_way_is_seen_and_a_finished_one_is_not(instance: dg.DagsterInstance) -> None:
    _run(instance, dg.DagsterRunStatus.SUCCESS)
    assert not is_running(instance, tags=AUTOMATIC)
    _run(instance, dg.DagsterRunStatus.STARTED)
    assert is_running(instance, tags=AUTOMATIC)


def test_only_the_newest_automatic_runs_are_kept(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "KEPT_RUNS", 2)
    by_hand = create_run_for_test(instance, status=dg.DagsterRunStatus.SUCCESS).run_id
    made = [_run(instance, dg.DagsterRunStatus.SUCCESS) for _ in range(5)]
    assert delete_old_runs(instance) == 3
    assert set(instance.get_run_ids()) == {by_hand, *made[3:]}


def test_a_cursor_survives_being_written_down() -> None:
    cursor = Cursor({"users": "1"}, {"users": 2.5}, 7, 3.5)
    assert Cursor.parse(cursor.dump()) == cursor
    assert Cursor.parse(None) == Cursor()


@pytest.fixture
def confirmed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was confirmed; capture is at 100 of a log that ends at 100, and the bus is empty."""
    calls: list[str] = []
    monkeypatch.setattr(sensors, "connect", lambda: None)
    monkeypatch.setattr(sensors, "log_positions", lambda: (100, 100))
    monkeypatch.setattr(sensors, "is_bus_empty", lambda: True)
    monkeypatch.setattr(sensors, "confirm", lambda _: calls.append("confirmed"))
    return calls


def _idle(instance: dg.DagsterInstance, cursor: Cursor, now: float) -> Cursor:
    context = dg.build_sensor_context(instance=instance)
    return Cursor.parse(sensors._idle(context, cursor, now, "").cursor)


def test_while_nothing_lands_the_rollups_are_confirmed_once_a_minute(
    instance: dg.DagsterInstance, confirmed: list[str]
) -> None:
    _built(instance)
    cursor = _idle(instance, Cursor({"users": "1"}, {"users": 1000.0}), now=1059)
    assert (cursor.log_end, confirmed) == (0, [])
    # The first look notes where the log ends; the second finds that capture has come so far.
    cursor = _idle(instance, cursor, now=1061)
    assert (cursor.log_end, confirmed) == (100, [])
    cursor = _idle(instance, cursor, now=1071)
    assert (cursor.confirmed_at, cursor.log_end, len(confirmed)) == (1071, 0, 1)
    assert _idle(instance, cursor, now=1110).confirmed_at == 1071
    cursor = _idle(instance, _idle(instance, cursor, now=1132), now=1142)
    assert (cursor.confirmed_at, len(confirmed)) == (1142, 2)


def test_a_busy_neighbour_in_the_log_does_not_keep_the_rollups_from_being_confirmed(
    instance: dg.DagsterInstance, confirmed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _built(instance)
    monkeypatch.setattr(sensors, "log_positions", lambda: (90, 100))
    cursor = _idle(instance, Cursor(), now=1000)
    assert (_idle(instance, cursor, now=1010), confirmed) == (cursor, [])
    monkeypatch.setattr(sensors, "log_positions", lambda: (100, 900))
    assert _idle(instance, cursor, now=1020).confirmed_at == 1020


def test_nothing_is_confirmed_while_the_bus_holds_something(
    instance: dg.DagsterInstance, confirmed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _built(instance)
    monkeypatch.setattr(sensors, "is_bus_empty", lambda: False)
    _idle(instance, _idle(instance, Cursor(), now=1000), now=1010)
    assert not confirmed


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
        dg.DagsterRunStatus.STARTED,
        None,
    ],
)
def test_nothing_is_confirmed_unless_the_last_build_ended_well(
    instance: dg.DagsterInstance, confirmed: list[str], status: dg.DagsterRunStatus | None
) -> None:
    if status is not None:
        _built(instance)
        _run(instance, status)
    _idle(instance, _idle(instance, Cursor(), now=1000), now=1010)
    assert not confirmed


def test_nothing_is_confirmed_that_landed_after_the_last_build(
    instance: dg.DagsterInstance, confirmed: list[str]
) -> None:
    _built(instance)
    cursor, now = Cursor({"users": "1"}, {"users": time.time() + 10}), time.time() + 100
    _idle(instance, _idle(instance, cursor, now), now + 10)
    assert not confirmed


def _check_tick(
    instance: dg.DagsterInstance, cursor: str | None, hour: int = 12
) -> dg.SensorResult:
    job = dg.define_asset_job(CHECK)
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    result = sensors.daily_checks(job, lambda: time.gmtime(hour * 3_600))(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_the_checks_run_once_a_day_after_the_first_build(instance: dg.DagsterInstance) -> None:
    assert not _check_tick(instance, None).run_requests
    _built(instance)
    first = _check_tick(instance, "2020-01-01 1")
    assert first.run_requests
    create_run_for_test(instance, job_name=CHECK, status=dg.DagsterRunStatus.SUCCESS)
    assert not _check_tick(instance, first.cursor).run_requests


def test_the_checks_wait_for_a_build_under_way(instance: dg.DagsterInstance) -> None:
    _built(instance)
    _run(instance, dg.DagsterRunStatus.STARTED)
    assert not _check_tick(instance, None, hour=sensors.CHECK_HOUR - 1).run_requests
    # Where something lands all the time, no moment is quiet.
    assert _check_tick(instance, None, hour=sensors.CHECK_HOUR).run_requests


def test_checks_that_met_a_store_away_run_again_but_not_for_ever(
    instance: dg.DagsterInstance,
) -> None:
    _built(instance)
    cursor, keys = None, []
    for _ in range(10):
        tick = _check_tick(instance, cursor)
        if tick.run_requests:
            keys.append(tick.run_requests[0].run_key)
            create_run_for_test(instance, job_name=CHECK, status=dg.DagsterRunStatus.FAILURE)
        cursor = tick.cursor
    assert len(set(keys)) == len(keys) == sensors.CHECK_ATTEMPTS
