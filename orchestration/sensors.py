"""What starts runs by itself.

Belongs here: the freshness of models and rollups under a running stack. A tick that finds
nothing new starts nothing.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import dagster as dg

from orchestration.confirmation import confirm, is_anything_on_its_way
from orchestration.jobs import BUILD, CHECK, REFRESH, Job
from orchestration.staleness import EVENT_TABLES, changed, is_due, read_landed
from stores.clickhouse.client import connect
from stores.errors import TransientError

TICK_SECONDS = 10
RETRY_SECONDS = 60
CHECK_ATTEMPTS = 5
CONFIRM_SECONDS = 60
# A year of refreshes would be a million runs; the newest tell what happened.
KEPT_RUNS = 200
DELETED_PER_TICK = 20
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
    """What the last requested run was for, and when nothing had been added to that."""

    models: str = ""
    watermarks: dict[str, str] = field(default_factory=dict)
    requested_at: float = 0.0
    confirmed_at: float = 0.0

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """From a tick's cursor; a first tick has none."""
        return cls(**json.loads(text)) if text else cls()

    def dump(self) -> str:
        """For the next tick."""
        return json.dumps(asdict(self))


def freshness_sensor(
    captured: Iterable[str], models_digest: str, jobs: Sequence[Job]
) -> dg.SensorDefinition:
    """Builds the models where they are new, and the rollups where something has landed."""
    tables = tuple(captured)

    @dg.sensor(
        name="keep_rollups_fresh",
        jobs=jobs,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Every change and event is in the rollups within a minute.",
    )
    def keep_rollups_fresh(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _tick(context, tables, models_digest)

    return keep_rollups_fresh


def _tick(
    context: dg.SensorEvaluationContext, tables: tuple[str, ...], models_digest: str
) -> dg.SensorResult:
    cursor, now = Cursor.parse(context.cursor), time.time()
    if is_running(context.instance, (REFRESH, BUILD)):
        return _skip("the last run is not done", cursor)
    delete_old_runs(context.instance)
    try:
        landed = read_landed(connect(), tables)
    except TransientError as error:
        return _skip(str(error), cursor)
    if landed.missing:
        return _skip(f"not there yet: {', '.join(landed.missing[:3])}", cursor)
    moved = changed(cursor.watermarks, landed.watermarks)
    since = now - cursor.requested_at
    job = _wanted(context.instance, cursor, models_digest, moved, since)
    if job is None and not moved:
        return _idle(context.instance, cursor, now)
    if job is None:
        return _skip("too early for another run", cursor)
    return dg.SensorResult(
        run_requests=[dg.RunRequest(job_name=job, tags={"moved": ",".join(moved)[:200]})],
        asset_events=_landings(moved, landed.watermarks),
        cursor=Cursor(models_digest, landed.watermarks, now).dump(),
    )


def _wanted(
    instance: dg.DagsterInstance,
    cursor: Cursor,
    models_digest: str,
    moved: Sequence[str],
    seconds_since_last: float,
) -> str | None:
    """Which job is to run, if any. A failed one is repeated, but not at every tick."""
    failed = last_failed(instance, (REFRESH, BUILD))
    if failed and seconds_since_last < RETRY_SECONDS:
        return None
    if cursor.models != models_digest or failed == BUILD:
        return BUILD
    if failed == REFRESH or is_due(moved, seconds_since_last):
        return REFRESH
    return None


def _idle(instance: dg.DagsterInstance, cursor: Cursor, now: float) -> dg.SensorResult:
    """Once a minute, say in ClickHouse too that the rollups are up to date, if they are."""
    if last_failed(instance, (REFRESH, BUILD)):
        return _skip("the last run failed and is repeated soon", cursor)
    if now - max(cursor.requested_at, cursor.confirmed_at) < CONFIRM_SECONDS:
        return _skip("everything is up to date", cursor)
    try:
        if is_anything_on_its_way():
            return _skip("nothing has landed, though something is on its way", cursor)
        confirm(connect())
    except TransientError as error:
        return _skip(str(error), cursor)
    return _skip("everything is up to date", replace(cursor, confirmed_at=now))


def _skip(reason: str, cursor: Cursor) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=dg.SkipReason(reason), cursor=cursor.dump())


def _landings(moved: Iterable[str], watermarks: Mapping[str, str]) -> list[dg.AssetMaterialization]:
    """What the event writer has landed, told to Dagster, which did not run it. What capture has
    applied is told by `sensors_capture`."""
    return [
        dg.AssetMaterialization(
            asset_key=["analytics", name], metadata={"rows_count": watermarks[name]}
        )
        for name in moved
        if name in EVENT_TABLES
    ]


def is_running(instance: dg.DagsterInstance, jobs: Iterable[str]) -> bool:
    """Whether a run of one of `jobs` is under way."""
    return any(
        instance.get_run_ids(dg.RunsFilter(job_name=job, statuses=_UNFINISHED), limit=1)
        for job in jobs
    )


def last_failed(instance: dg.DagsterInstance, jobs: Iterable[str]) -> str | None:
    """The job of the newest run of `jobs`, where that run failed or was cancelled."""
    found = [
        record
        for job in jobs
        for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
    ]
    if not found:
        return None
    newest = max(found, key=lambda record: record.storage_id).dagster_run
    return newest.job_name if newest.status in _UNDONE else None


def delete_old_runs(instance: dg.DagsterInstance) -> int:
    """Forget the oldest refreshes, a few at a time. Returns how many."""
    surplus = instance.get_run_ids(
        dg.RunsFilter(job_name=REFRESH), limit=KEPT_RUNS + DELETED_PER_TICK
    )
    for run_id in surplus[KEPT_RUNS:]:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    return max(0, len(surplus) - KEPT_RUNS)


def daily_checks(job: Job) -> dg.SensorDefinition:
    """Once a day, as soon as the platform is up and its models are built.

    A schedule at a fixed hour would never fire on a machine that is off at that hour.
    """

    @dg.sensor(
        name="check_daily",
        job=job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs every check once a day (UTC); again where a store was away.",
    )
    def check_daily(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        today = time.strftime("%Y-%m-%d", time.gmtime())
        day, _, attempt = (context.cursor or "").partition(" ")
        attempts = int(attempt or 1) if day == today else 0
        # A red check is an answer; a run that failed has none.
        is_answered = attempts and last_failed(context.instance, (CHECK,)) is None
        if is_answered or attempts >= CHECK_ATTEMPTS:
            done = dg.SkipReason(f"done for {today}")
            return dg.SensorResult(skip_reason=done, cursor=context.cursor)
        built = dg.RunsFilter(job_name=REFRESH, statuses=[dg.DagsterRunStatus.SUCCESS])
        if not context.instance.get_run_ids(built, limit=1) or is_running(
            context.instance, (REFRESH, BUILD, CHECK)
        ):
            waiting = dg.SkipReason("waiting for a quiet moment after the first refresh")
            return dg.SensorResult(skip_reason=waiting, cursor=context.cursor)
        now = f"{today} {attempts + 1}"
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=now)], cursor=now)

    return check_daily
