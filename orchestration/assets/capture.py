"""The captured tables: PostgreSQL's log becomes rows of `oltp`.

Belongs here: change capture as assets, one per table. How capture works is in `ingestion.cdc`. A
running capture materializes them by itself, which `sensors_capture` tells; a run of this asset
brings ClickHouse up to PostgreSQL's present position, or waits until the running capture has.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta

import dagster as dg

from orchestration import layers
from orchestration.capture_reports import Told, data_version, metadata, told_of
from orchestration.retries import transient_errors_tried_again

DRAIN_TIMEOUT_SECONDS = 300
# A running capture is told at least every ten minutes, also of tables that nobody changes.
FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=1), warn_window=timedelta(minutes=30)
)


def capture_assets(captured: Mapping[str, str]) -> dg.AssetsDefinition:
    """One asset per captured table, brought up to PostgreSQL's present position together."""

    @dg.multi_asset(
        name="capture",
        specs=[_spec(table, description) for table, description in captured.items()],
        can_subset=True,
        pool="capture",
    )
    def capture(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        from ingestion.cdc.run import drain
        from ingestion.cdc.status import table_statuses

        before = {status.table: told_of(status, time.time()) for status in table_statuses()}
        with transient_errors_tried_again():
            report = drain(timeout_seconds=DRAIN_TIMEOUT_SECONDS)
        context.log.info("captured up to %s", report.applied_lsn)
        for status in table_statuses():
            key = dg.AssetKey(["oltp", status.table])
            if key not in context.selected_asset_keys:
                continue
            if status.state != "streaming":
                context.log.warning(
                    "%s is %s: %s", status.table, status.state, status.last_error or ""
                )
                continue
            yield dg.MaterializeResult(
                asset_key=key,
                data_version=dg.DataVersion(data_version(status)),
                metadata={
                    **metadata(status, before.get(status.table, Told())),
                    "drained_to_lsn": report.applied_lsn,
                },
            )

    return capture


def _spec(table: str, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["oltp", table],
        deps=[dg.AssetKey(["postgres", table])],
        description=description,
        group_name=layers.LANDED,
        owners=[layers.DATA_ENGINEERING],
        kinds={"clickhouse", "python"},
        skippable=True,
        freshness_policy=FRESHNESS,
    )
