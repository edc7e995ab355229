"""Events that were refused and that nobody has looked after: an alarm by their age.

Belongs here: one check per event table. What a dead letter is, and how it is sent again, is in
`ingestion.events`.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from orchestration.assets.sources import API_INPUTS

CHECK = "dead_letters_are_looked_after"


def dead_letter_checks(described: Mapping[str, str]) -> dg.AssetChecksDefinition:
    """Red where a letter is older than DEAD_LETTER_ALERT_HOURS and was not replayed."""
    tables = [table for table in API_INPUTS.values() if table in described]

    @dg.multi_asset_check(
        name=CHECK,
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=dg.AssetKey(["analytics", table]),
                description="No event was refused long ago and is still waiting for somebody.",
            )
            for table in tables
        ],
        can_subset=True,
    )
    def dead_letters_are_looked_after(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.AssetCheckResult]:
        from ingestion.events import dead_letters
        from stores.clickhouse.client import connect
        from stores.settings import load_settings

        limit = load_settings().dead_letter_alert_hours
        found = {item.topic.replace("-", "_"): item for item in dead_letters.backlog(connect())}
        for key in context.selected_asset_check_keys:
            item = found.get(key.asset_key.path[-1])
            age = item.oldest_hours if item else 0.0
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=age <= limit,
                metadata={
                    "open_letters_count": item.open_count if item else 0,
                    "oldest_hours": age,
                    "look": "interview-data events dead-letters list",
                },
            )

    return dead_letters_are_looked_after
