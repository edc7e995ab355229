"""What has landed, told to Dagster; what is checked daily; what is forgotten.

Belongs here: the ticks over a running stack. What is built when something has landed is decided
by the conditions in `automation`; a tick that finds nothing new tells nothing.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.storage.tags import AUTOMATION_CONDITION_TAG

from orchestration import layers
from orchestration.checks_again import told_again
from orchestration.confirmation import confirm, is_bus_empty, log_positions
from orchestration.jobs import CHECK, Job
from orchestration.landed_columns import column_metadata, words_of_contracts
from orchestration.staleness import EVENT_TABLES, changed, due, read_landed
from stores.clickhouse.client import connect
from stores.errors import TransientError

TICK_SECONDS = 10
CHECK_ATTEMPTS = 5
# From this hour on (UTC) the daily checks wait for no quiet moment.
CHECK_HOUR = 6
CONFIRM_SECONDS = 60
# What stands still is told this often, while it is certain that nothing is missing: well within
# the freshness policies.
REPEAT_SECONDS = 600
# A year of refreshes would be a million runs; the newest tell what happened.
KEPT_RUNS = 200
DELETED_PER_TICK = 20
FRESHNESS = dg.AssetKey(layers.CONFIRMED)
# Runs that the conditions of the models have started.
AUTOMATIC: Mapping[str, str | list[str]] = {AUTOMATION_CONDITION_TAG: "true"}
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_UNDONE = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass
class Cursor:
    """What has been told, when, and when nothing had been added to that."""

    watermarks: dict[str, str] = field(default_factory=dict)
    told_at: dict[str, float] = field(default_factory=dict)
    log_end: int = 0
    """Where PostgreSQL's log ended when nothing new was found last; 0 where something was."""
    confirmed_at: float = 0.0
    repeated_at: float = 0.0

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """From a tick's cursor; a first tick has none."""
        return cls(**json.loads(text)) if text else cls()

    def dump(self) -> str:
        """For the next tick."""
        return json.dumps(asdict(self))

    @property
    def moved_at(self) -> float:
        """When something new was told last."""
        return max(self.told_at.values(), default=0.0)


def landing_sensor(captured: Iterable[str]) -> dg.SensorDefinition:
    """Tells what has landed, so that the models behind it become stale."""
    tables = tuple(captured)

    @dg.sensor(
        name="report_landed_tables",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="What has landed since; every change is in the rollups within a minute.",
    )
    def report_landed_tables(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _tick(context, tables)

    return report_landed_tables


def _tick(context: dg.SensorEvaluationContext, tables: tuple[str, ...]) -> dg.SensorResult:
    cursor, now = Cursor.parse(context.cursor), time.time()
    delete_old_runs(context.instance)
    try:
        landed = read_landed(connect(), tables)
        if landed.missing:
            return _skip(f"not there yet: {', '.join(landed.missing[:3])}", cursor)
        moved = changed(cursor.watermarks, landed.watermarks)
        names = due(moved, {name: now - at for name, at in cursor.told_at.items()})
        if not names:
            reason = "too early to tell" if moved else ""
            return _idle(context, cursor, now, reason)
        told = _told(cursor, names, landed.watermarks, now)
        events = _landings(names, told.watermarks)
    except TransientError as error:
        return _skip(str(error), cursor)
    return dg.SensorResult(asset_events=events, cursor=told.dump())


def _told(
    cursor: Cursor, names: Iterable[str], watermarks: Mapping[str, str], now: float
) -> Cursor:
    return Cursor(
        watermarks={**cursor.watermarks, **{name: watermarks[name] for name in names}},
        told_at={**cursor.told_at, **dict.fromkeys(names, now)},
        confirmed_at=cursor.confirmed_at,
        repeated_at=cursor.repeated_at,
    )


def _idle(
    context: dg.SensorEvaluationContext, cursor: Cursor, now: float, reason: str
) -> dg.SensorResult:
    """Once a minute, say in ClickHouse too that the rollups are up to date, if they are.

    They are, where capture has since confirmed all of the log that there was when nothing new
    had landed, and the bus is empty.
    """
    instance = context.instance
    if reason or now - max(cursor.moved_at, cursor.confirmed_at) < CONFIRM_SECONDS:
        return _skip(reason or "nothing has landed", replace(cursor, log_end=0))
    if not is_built_since(instance, cursor.moved_at):
        return _skip("the rollups are being built", replace(cursor, log_end=0))
    confirmed_end, log_end = log_positions()
    if cursor.log_end == 0 or confirmed_end < cursor.log_end or not is_bus_empty():
        waiting = replace(cursor, log_end=cursor.log_end or log_end)
        return _skip("nothing has landed, though something may be on its way", waiting)
    confirm(connect())
    confirmed = replace(cursor, log_end=0, confirmed_at=now)
    if now - max(cursor.repeated_at, cursor.moved_at) < REPEAT_SECONDS:
        return _skip("everything is up to date", confirmed)
    landings = _landings(EVENT_TABLES, cursor.watermarks)
    checks = told_again(
        instance, context.repository_def, [FRESHNESS, *(each.asset_key for each in landings)]
    )
    return dg.SensorResult(
        asset_events=[*landings, _confirmation(instance), *checks],
        cursor=replace(confirmed, repeated_at=now).dump(),
    )


def _skip(reason: str, cursor: Cursor) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=cursor.dump())


def _landings(moved: Iterable[str], watermarks: Mapping[str, str]) -> list[dg.AssetMaterialization]:
    """What the event writer has landed, told to Dagster, which did not run it. What capture has
    applied is told by `sensors_capture`."""
    names = [name for name in moved if name in EVENT_TABLES and name in watermarks]
    columns = column_metadata(connect(), "analytics", words_of_contracts()) if names else {}
    return [
        dg.AssetMaterialization(
            asset_key=["analytics", name],
            metadata={"rows_count": int(watermarks[name]), **columns.get(name, {})},
            tags={DATA_VERSION_TAG: watermarks[name]},
        )
        for name in names
    ]


def _confirmation(instance: dg.DagsterInstance) -> dg.AssetMaterialization:
    """How fresh the rollups are, told again with what was said when they were built."""
    built = instance.get_latest_materialization_event(FRESHNESS)
    said = built.asset_materialization if built else None
    return dg.AssetMaterialization(
        FRESHNESS, metadata=said.metadata if said else None, tags=said.tags if said else None
    )


def is_built_since(instance: dg.DagsterInstance, moment: float) -> bool:
    """Whether the newest automatic run began after `moment`, is done, and reached the end."""
    found = instance.get_run_records(dg.RunsFilter(tags=AUTOMATIC), limit=1)
    if not found or found[0].dagster_run.status != dg.DagsterRunStatus.SUCCESS:
        return False
    built = instance.get_latest_materialization_event(FRESHNESS)
    return built is not None and found[0].create_timestamp.timestamp() > moment


def is_running(instance: dg.DagsterInstance, **chosen: Any) -> bool:
    """Whether a run is under way, chosen by `job_name` or `tags`."""
    unfinished = dg.RunsFilter(statuses=_UNFINISHED, **chosen)
    return bool(instance.get_run_ids(unfinished, limit=1))


def last_failed(instance: dg.DagsterInstance, job: str) -> bool:
    """Whether the newest run of `job` failed or was cancelled."""
    found = instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
    return bool(found) and found[0].dagster_run.status in _UNDONE


def delete_old_runs(instance: dg.DagsterInstance) -> int:
    """Forget the oldest automatic runs, a few at a time. Returns how many."""
    surplus = instance.get_run_ids(
        dg.RunsFilter(tags=AUTOMATIC), limit=KEPT_RUNS + DELETED_PER_TICK
    )
    for run_id in surplus[KEPT_RUNS:]:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    return max(0, len(surplus) - KEPT_RUNS)


def daily_checks(
    job: Job, clock: Callable[[], time.struct_time] = time.gmtime
) -> dg.SensorDefinition:
    """Once a day, as soon as the platform is up and its models are built.

    A schedule at a fixed hour would never fire on a machine that is off at that hour. Where
    something lands all the time no moment is quiet: from `CHECK_HOUR` on they wait for none.
    """

    @dg.sensor(
        name="check_daily",
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs every check once a day (UTC); again where a store was away.",
    )
    def check_daily(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = clock()
        today = time.strftime("%Y-%m-%d", now)
        day, _, attempt = (context.cursor or "").partition(" ")
        attempts = int(attempt or 1) if day == today else 0
        # A red check is an answer; a run that failed has none.
        is_answered = attempts and not last_failed(context.instance, CHECK)
        if is_answered or attempts >= CHECK_ATTEMPTS:
            done = dg.SkipReason(f"done for {today}")
            return dg.SensorResult(skip_reason=done, cursor=context.cursor)
        is_built = context.instance.get_latest_materialization_event(FRESHNESS) is not None
        is_quiet = now.tm_hour >= CHECK_HOUR or not is_running(context.instance, tags=AUTOMATIC)
        if not is_built or not is_quiet or is_running(context.instance, job_name=CHECK):
            waiting = dg.SkipReason("waiting for a quiet moment after the first build")
            return dg.SensorResult(skip_reason=waiting, cursor=context.cursor)
        key = f"{today} {attempts + 1}"
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key)], cursor=key)

    return check_daily
