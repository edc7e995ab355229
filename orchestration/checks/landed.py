"""Expectations on what has landed, before dbt.

Belongs here: a suite of `expectations` as one check of the table it is on.
"""

import dagster as dg


@dg.asset_check(
    asset=dg.AssetKey(["analytics", "user_events"]),
    name="expectations",
    description="The Great Expectations suite on recently landed user events.",
)
def user_events_expectations() -> dg.AssetCheckResult:
    """Red where a severe expectation fails; a warning shows."""
    from expectations.checkpoint import run_suite
    from expectations.user_events import SUITE

    report = run_suite(SUITE)
    return dg.AssetCheckResult(
        passed=report.is_met,
        severity=(
            dg.AssetCheckSeverity.ERROR if report.has_severe_failure else dg.AssetCheckSeverity.WARN
        ),
        metadata={
            "expectations_count": len(report.results),
            "unmet": dg.MetadataValue.md(
                "\n".join(f"- {item.severity}: {item.why} ({item.name})" for item in report.unmet)
                or "none"
            ),
        },
    )
