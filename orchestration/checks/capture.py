"""Captured tables equal PostgreSQL's: counts and hashes.

Belongs here: the comparison as one check per table. How it compares is in `ingestion.cdc.verify`.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from ingestion.cdc.verify import TableVerification

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

        found = {table.table: table for table in verify()}
        for key in context.selected_asset_check_keys:
            yield _result(key, found.get(key.asset_key.path[-1]))

    return captured_tables_equal_postgres


def _result(key: dg.AssetCheckKey, table: "TableVerification | None") -> dg.AssetCheckResult:
    """A table that is not captured just now is not compared, and so not equal."""
    if table is None:
        counts: dict[str, int | str] = {"problem": "not captured; see `interview-data cdc status`"}
    else:
        counts = {
            "postgres_rows_count": table.source_count,
            "clickhouse_rows_count": table.target_count,
        }
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=table is not None and table.is_equal,
        metadata=counts,
    )
