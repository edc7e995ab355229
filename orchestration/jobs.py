"""What can be launched: by the sensors, by the clock, and by hand.

Belongs here: which assets and checks run together. All of them run in one process; a process
per step would cost four seconds each.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition as Job,
)

from orchestration import layers

REFRESH = "refresh_rollups"
BUILD = "build_models"
CHECK = "check_everything"
CATCH_UP = "catch_up"
VERIFY = "verify_captured_tables"
ONE_PROCESS = dg.in_process_executor
# Every event of a run is in Dagster's storage already; the process's log needs the trouble only.
QUIET = dg.colored_console_logger.configured({"log_level": "WARNING"}, config_schema={})
__all__ = ["BUILD", "CATCH_UP", "CHECK", "REFRESH", "VERIFY", "Job", "make_jobs"]


def make_jobs(
    models: dg.AssetSelection, refreshed: dg.AssetSelection, verified: dg.AssetSelection
) -> list[Job]:
    """The five jobs. `refreshed` is what must run when something has landed, `verified` what
    proves that the captured tables are right."""
    return [
        dg.define_asset_job(
            REFRESH,
            selection=refreshed.without_checks(),
            executor_def=ONE_PROCESS,
            description="Restate what differs from what has landed.",
        ),
        dg.define_asset_job(
            BUILD,
            selection=models.without_checks(),
            executor_def=ONE_PROCESS,
            description="Build every model, as after a change of the models.",
        ),
        dg.define_asset_job(
            CHECK,
            selection=dg.AssetSelection.all_asset_checks(),
            executor_def=ONE_PROCESS,
            description="Every test, expectation and comparison; builds nothing.",
        ),
        dg.define_asset_job(
            VERIFY,
            selection=verified,
            executor_def=ONE_PROCESS,
            description="Compare every captured table with PostgreSQL at one position of its log.",
        ),
        dg.define_asset_job(
            CATCH_UP,
            selection=dg.AssetSelection.groups(layers.LANDED).without_checks(),
            executor_def=ONE_PROCESS,
            description="Wait until all that was committed and accepted by now has landed.",
        ),
    ]
