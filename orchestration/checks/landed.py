"""Expectations on what has landed, before dbt.

Belongs here: each suite of `expectations` as one check of the table it is on. What holds models
back is not this check but `orchestration.held_back`, which is asked before every build: a check
of the day before would block, or let through, what it has not seen.
"""

from collections.abc import Iterator

import dagster as dg

from expectations.suite import Report, Suite
from expectations.suites import BY_TABLE

CHECK = "expectations"


def expectation_checks() -> dg.AssetChecksDefinition:
    """All that a run asks for share one start of the package, which takes seconds."""

    @dg.multi_asset_check(
        name="landed_data_meets_expectations",
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=dg.AssetKey(table.split(".")),
                description=f"The {len(suite.expectations)} Great Expectations of {table}."
                " Severe ones keep rows or models back; warnings show.",
            )
            for table, suite in BY_TABLE.items()
        ],
        can_subset=True,
    )
    def landed_data_meets_expectations(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.AssetCheckResult]:
        from expectations.checkpoint import run_suites

        keys = {".".join(key.asset_key.path): key for key in context.selected_asset_check_keys}
        suites = [BY_TABLE[table] for table in keys]
        for suite, report in zip(suites, run_suites(suites), strict=True):
            yield _result(keys[suite.table], suite, report)

    return landed_data_meets_expectations


def _result(key: dg.AssetCheckKey, suite: Suite, report: Report) -> dg.AssetCheckResult:
    """Red where a severe expectation fails, yellow where a warning does."""
    unmet = [f"- {item.severity}: {item.sentence(suite.table)}" for item in report.unmet]
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=report.is_met,
        severity=(
            dg.AssetCheckSeverity.ERROR if report.has_severe_failure else dg.AssetCheckSeverity.WARN
        ),
        description=report.unmet[0].sentence(suite.table) if report.unmet else None,
        metadata={
            "expectations_count": len(report.results),
            "unmet": dg.MetadataValue.md("\n".join(unmet) or "none"),
            "page": page_link(suite.name),
        },
    )


def page_link(suite: str) -> dg.MetadataValue:
    """The page of results, beside the API where its address is known."""
    from stores.settings import load_settings

    path = f"/dashboards/expectations?suite={suite}"
    address = load_settings().api_url
    return dg.MetadataValue.url(f"{address}{path}") if address else dg.MetadataValue.text(path)
