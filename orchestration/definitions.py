"""The code location: every asset, check, job and sensor, put together and nothing else."""

import dagster as dg

from orchestration.assets.capture import capture_assets
from orchestration.assets.events import event_assets, live_view_spec
from orchestration.assets.models import exposure_specs, model_assets
from orchestration.assets.restated import restated_days
from orchestration.assets.sources import source_specs
from orchestration.automation import automation_sensor
from orchestration.checks.capture import capture_checks
from orchestration.checks.dead_letters import dead_letter_checks
from orchestration.checks.landed import expectation_checks
from orchestration.checks.reconciliation import reconciliation_checks
from orchestration.dbt_projects import OPERATIONAL, WAREHOUSE
from orchestration.failures import tell_failed_runs, tell_recovered_runs
from orchestration.jobs import CHECK, ONE_PROCESS, QUIET, make_jobs
from orchestration.landed_columns import words_of_staging
from orchestration.layers import ROLLUPS
from orchestration.sensors import daily_checks, landing_sensor
from orchestration.sensors_capture import capture_sensor
from orchestration.tables import source_tables

_warehouse = WAREHOUSE.ensure_manifest()
_operational = OPERATIONAL.ensure_manifest()
_captured = source_tables(_warehouse, "oltp")
_events = source_tables(_warehouse, "analytics")
_models = [model_assets(WAREHOUSE, _warehouse), model_assets(OPERATIONAL, _operational)]
_capture_checks = capture_checks(_captured)
_jobs = make_jobs(
    models=dg.AssetSelection.assets(*_models),
    refreshed=dg.AssetSelection.groups(ROLLUPS)
    | dg.AssetSelection.assets("staging/int_landed")
    | dg.AssetSelection.key_prefixes("snapshots"),
    verified=dg.AssetSelection.checks(_capture_checks),
)
_job = {job.name: job for job in _jobs}

definitions = dg.Definitions(
    assets=[
        *source_specs(_captured),
        capture_assets(_captured),
        event_assets(_events),
        live_view_spec(_events["daily_user_activity"]),
        *_models,
        restated_days(_warehouse),
        *exposure_specs(_warehouse),
        *exposure_specs(_operational),
    ],
    asset_checks=[
        _capture_checks,
        expectation_checks(),
        dead_letter_checks(_events),
        reconciliation_checks(),
    ],
    jobs=_jobs,
    executor=ONE_PROCESS,
    loggers={"console": QUIET},
    sensors=[
        landing_sensor(_captured),
        capture_sensor(_captured, words_of_staging(_warehouse)),
        automation_sensor(dg.AssetSelection.assets(*_models)),
        daily_checks(_job[CHECK]),
        tell_failed_runs,
        tell_recovered_runs,
    ],
)
