"""Captured tables equal PostgreSQL's: counts and hashes at one position of the log.

Belongs here: the proof as one check per table. How it is had is in `ingestion.cdc.verify`.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from ingestion.cdc.verify import TableVerification

CHECK = "equals_postgres"
TIMEOUT_SECONDS = 600.0


def capture_checks(captured: Mapping[str, str]) -> dg.AssetChecksDefinition:
    """One check per captured table; all that a run asks for are made by one comparison."""

    @dg.multi_asset_check(
        name="captured_tables_equal_postgres",
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=dg.AssetKey(["oltp", table]),
                description="As many rows as in PostgreSQL, with the same hash over all columns,"
                " at one position of its log.",
            )
            for table in captured
        ],
        can_subset=True,
    )
    def captured_tables_equal_postgres(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.AssetCheckResult]:
        from ingestion.cdc.status import table_statuses
        from ingestion.cdc.verify import verify

        keys = {key.asset_key.path[-1]: key for key in context.selected_asset_check_keys}
        known = [
            status.table
            for status in table_statuses()
            # One that left the publication must not keep the others from being compared.
            if status.table in keys and status.state != "removed"
        ]
        found = {table.table: table for table in verify(None, TIMEOUT_SECONDS, known)}
        # Asked afterwards: before its first run capture knows no table.
        aside = {
            status.table: f"{status.state}: {status.last_error or 'not yet comparable'}"
            for status in table_statuses()
        }
        for name, key in keys.items():
            problem = aside.get(name, "not captured; see `interview-data cdc status`")
            yield _result(key, found.get(name), problem)

    return captured_tables_equal_postgres


def _result(
    key: dg.AssetCheckKey, table: "TableVerification | None", problem: str
) -> dg.AssetCheckResult:
    """A table that is put aside or not captured just now is not compared, and so not equal."""
    facts: dict[str, int | float | str] = {"problem": problem}
    if table is not None:
        facts = {
            "postgres_rows_count": table.source_count,
            "clickhouse_rows_count": table.target_count,
            "changed_since_count": table.changed_since_count,
            "lsn": table.lsn,
            "duration_seconds": table.duration_seconds,
        }
        if table.problem:
            facts["problem"] = table.problem
        if table.differing_count:
            facts["differing_rows_count"] = table.differing_count
            facts["differing_rows"] = ", ".join(row.problem for row in table.differing)
    is_equal = table is not None and table.is_equal
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=is_equal,
        metadata=facts,
        description=None if is_equal else str(facts.get("problem", "rows differ")),
    )
