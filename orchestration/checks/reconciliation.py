"""Usage and activity are the same in all places that keep them.

Belongs here: one check per metered resource, and one of the activity. How it is found out is in
`operations.reconciliation`, which keeps the history too.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from operations.reconciliation.report import Reconciled

RESOURCES = ("analysis", "interviews", "storage")
# What is on its way when the run begins has arrived by then, or will not.
PATIENCE_SECONDS = 90.0
_USAGE, _ACTIVITY = ["rollups", "rollup_usage_monthly"], ["analytics", "daily_user_activity"]
_LISTED_AT_MOST = 20


def reconciliation_checks(
    patience_seconds: float = PATIENCE_SECONDS,
) -> dg.AssetChecksDefinition:
    """All that a run asks for are answered by one reconciliation."""
    specs = [
        dg.AssetCheckSpec(
            f"same_{resource}_everywhere",
            asset=dg.AssetKey(_USAGE),
            description=f"For every user and month, {resource}: PostgreSQL's ledger = captured"
            " entries = rollup = Redis' counter, where there is one.",
            metadata={"subject": resource},
        )
        for resource in RESOURCES
    ]
    specs.append(
        dg.AssetCheckSpec(
            "same_activity_everywhere",
            asset=dg.AssetKey(_ACTIVITY),
            description="For every day, user and type: live view = rollup = recount of the events.",
            metadata={"subject": "activity"},
        )
    )
    subjects = {spec.key: str(spec.metadata["subject"]) for spec in specs}

    @dg.multi_asset_check(name="numbers_are_the_same_everywhere", specs=specs, can_subset=True)
    def numbers_are_the_same_everywhere(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.AssetCheckResult]:
        from operations.reconciliation.run import reconcile

        report = reconcile(patience_seconds=patience_seconds)
        for key in context.selected_asset_check_keys:
            yield _result(key, report.of(subjects[key]))

    return numbers_are_the_same_everywhere


def _result(key: dg.AssetCheckKey, months: "Sequence[Reconciled]") -> dg.AssetCheckResult:
    differing = sum(month.differing_count for month in months)
    listed = [
        f"- {month.month:%Y-%m} {each.detail}, user {each.user_id}: {'; '.join(each.reasons)}"
        for month in months
        for each in month.differences
    ]
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=differing == 0,
        metadata={
            "compared_count": sum(month.compared_count for month in months),
            "months_count": len(months),
            "differing_count": differing,
            "differences": dg.MetadataValue.md("\n".join(listed[:_LISTED_AT_MOST]) or "none"),
            "look": "interview-data reconcile",
        },
    )
