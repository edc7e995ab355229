"""The captured tables: PostgreSQL's log becomes rows of `oltp`.

Belongs here: change capture as assets, one per table. How capture works is in
`ingestion.cdc`; under a running stack its own process does the work and this waits for it.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from orchestration import layers

DRAIN_TIMEOUT_SECONDS = 300


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

        drain(timeout_seconds=DRAIN_TIMEOUT_SECONDS)
        for status in table_statuses():
            key = dg.AssetKey(["oltp", status.table])
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata={
                        "state": str(status.state),
                        "rows_applied_count": int(status.rows_applied or 0),
                        "last_lsn": str(status.last_lsn),
                        "lag_bytes": int(status.lag_bytes or 0),
                        "lag_seconds": float(status.lag_seconds or 0),
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
    )
