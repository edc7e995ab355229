"""Captured tables equal PostgreSQL's: counts and hashes.

Belongs here: the comparison as one check per table. How it compares is in `ingestion.cdc.verify`.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

CHECK = "equals_postgres"


def capture_checks(captured: Mapping[str, str]) -> dg.AssetChecksDefinition:
    """One check per captured table, made by one comparison."""

    @dg.multi_asset_check(
        name="captured_tables_equal_postgres",
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=dg.AssetKey(["oltp", table]),
                description="As many rows as in PostgreSQL, with the same hash over all columns.",
            )
            for table in captured
        ],
        can_subset=True,
    )
    def captured_tables_equal_postgres(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.AssetCheckResult]:
        from ingestion.cdc.verify import verify

        for table in verify():
            key = dg.AssetCheckKey(dg.AssetKey(["oltp", table.table]), CHECK)
            if key in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(
                    asset_key=key.asset_key,
                    check_name=CHECK,
                    passed=bool(table.is_equal),
                    metadata={
                        "postgres_rows_count": int(table.source_count),
                        "clickhouse_rows_count": int(table.target_count),
                    },
                )

    return captured_tables_equal_postgres
