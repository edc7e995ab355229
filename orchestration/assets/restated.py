"""Days of the rollups computed anew because somebody asks: the backfill.

Belongs here: the asset whose partitions are days. A refresh finds by itself what differs from its
source (decision 0004), so this is for what a comparison of counts cannot find: a mended model, or
rows that were changed in place behind the back of the platform.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg

from orchestration import layers
from orchestration.assets.translation import Translator
from orchestration.dbt_projects import WAREHOUSE
from orchestration.dbt_runs import restate

KEY = dg.AssetKey(["rollups", "restated_days"])
# Two years are what the event tables keep; older slices of a rollup cannot be computed again.
PARTITIONS = dg.DailyPartitionsDefinition(start_date="2024-01-01", timezone="UTC", end_offset=1)
# The rows that rollups add up, which are made anew as a whole, and the rollups.
MATERIALIZATIONS = ("kept_rows", "restated_slices")


def restated_days(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """One run for however many days: each rollup is asked once for the whole range."""
    rollups = sorted(
        unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["config"].get("materialized") in MATERIALIZATIONS
    )
    translator = Translator(manifest)

    @dg.asset(
        key=KEY,
        deps=[translator.get_asset_key(manifest["nodes"][one]) for one in rollups],
        partitions_def=PARTITIONS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=layers.ROLLUPS,
        owners=[layers.ANALYTICS],
        kinds={"dbt", "clickhouse"},
        description="Days of every rollup that were computed anew on request, one partition a day.",
        pool=f"dbt_{WAREHOUSE.name}",
    )
    def restated(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        days = context.partition_key_range
        first, last = date.fromisoformat(days.start), date.fromisoformat(days.end)
        told = restate(WAREHOUSE, manifest, rollups, first, last)
        return dg.MaterializeResult(
            metadata={
                "first_day": str(first),
                "last_day": str(last),
                "days_count": (last - first).days + 1,
                "rollups": dg.MetadataValue.md(
                    "\n".join(f"- {name}: {said}" for name, said in told.items())
                ),
            }
        )

    return restated
