"""The event tables: what the bus holds becomes rows of `analytics`.

Belongs here: landing of events as assets, one per table, and the live view over them. How
landing works is in `ingestion.events`; under a running stack its own process does the work
and this waits for it.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import dagster as dg

from orchestration import layers
from orchestration.assets.sources import API_INPUTS
from orchestration.retries import transient_errors_tried_again

DRAIN_TIMEOUT_SECONDS = 300
# Told at least every ten minutes while nothing waits in the bus, also where nobody sends.
FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=1), warn_window=timedelta(minutes=30)
)


def event_assets(described: Mapping[str, str]) -> dg.AssetsDefinition:
    """One asset per event table, brought up to the end of the bus together."""

    @dg.multi_asset(
        name="land_events",
        specs=[_spec(name, table, described[table]) for name, table in API_INPUTS.items()],
        can_subset=True,
        pool="land_events",
    )
    def land_events(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from ingestion.events.writer import drain

        with transient_errors_tried_again():
            done = drain(timeout_seconds=DRAIN_TIMEOUT_SECONDS)
        reports = {report.topic.replace("-", "_"): report for report in done}
        for table in API_INPUTS.values():
            key = dg.AssetKey(["analytics", table])
            if key in context.selected_asset_keys:
                report = reports.get(table)
                counts = ("landed", "duplicate", "conflict", "dead_letter", "lag")
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata={
                        f"{count}_count": int(getattr(report, f"{count}_count", 0))
                        for count in counts
                    },
                )

    return land_events


def live_view_spec(description: str) -> dg.AssetSpec:
    """The materialized view, which ClickHouse itself keeps."""
    return dg.AssetSpec(
        ["analytics", "daily_user_activity"],
        deps=[dg.AssetKey(["analytics", "user_events"])],
        description=description,
        group_name=layers.LANDED,
        owners=[layers.DATA_ENGINEERING],
        kinds={"clickhouse", "view"},
    )


def _spec(name: str, table: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["analytics", table],
        deps=[dg.AssetKey(["api", name.replace("-", "_")])],
        description=description,
        group_name=layers.LANDED,
        owners=[layers.DATA_ENGINEERING],
        kinds={"clickhouse", "python"},
        skippable=True,
        freshness_policy=FRESHNESS,
    )
