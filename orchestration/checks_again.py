"""What checks found of a table that stands still, told again with it.

Dagster shows of a check only what was found of the newest materialization. A table that nobody
changes is told again because its freshness wants it, and what is known of its rows is still true.
"""

from collections.abc import Collection, Iterable

import dagster as dg
from dagster._core.definitions.repository_definition import RepositoryDefinition


def told_again(
    instance: dg.DagsterInstance,
    repository: RepositoryDefinition | None,
    assets: Collection[dg.AssetKey],
) -> Iterable[dg.AssetCheckEvaluation]:
    """The newest result of each check of `assets`, to follow a materialization without news."""
    if repository is None:
        return
    keys = repository.asset_graph.get_check_keys_for_assets(set(assets))
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(sorted(keys))
    for key, record in newest.items():
        found = record.evaluation
        # One that is planned, or skipped, has found nothing.
        if isinstance(found, dg.AssetCheckEvaluation):
            yield dg.AssetCheckEvaluation(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=found.passed,
                metadata=found.metadata,
                severity=found.severity,
                description=found.description,
            )
