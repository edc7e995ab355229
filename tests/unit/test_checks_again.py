"""A check's result stays with a table that is told again though nothing has changed."""

import asyncio

import dagster as dg
from dagster._core.instance import DagsterInstance
from dagster._core.loader import LoadingContextForTest

from orchestration.checks_again import told_again

TABLE = dg.AssetKey("table")


@dg.asset(key=TABLE)
def table() -> None:
    """A landed table."""


@dg.asset_check(asset=TABLE)
def equals_its_source() -> dg.AssetCheckResult:
    """It does not."""
    return dg.AssetCheckResult(
        passed=False, metadata={"rows": 3}, severity=dg.AssetCheckSeverity.WARN
    )


def _is_of_the_newest(instance: DagsterInstance, key: dg.AssetCheckKey) -> bool:
    [record] = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).values()
    return asyncio.run(record.targets_latest_materialization(LoadingContextForTest(instance)))


def test_what_was_found_follows_a_materialization_without_news() -> None:
    repository = dg.Definitions([table], asset_checks=[equals_its_source]).get_repository_def()
    key = dg.AssetCheckKey(TABLE, "equals_its_source")
    with dg.DagsterInstance.ephemeral() as instance:
        assert list(told_again(instance, repository, [TABLE])) == [], "nothing was found yet"
        dg.materialize([table, equals_its_source], instance=instance)
        assert _is_of_the_newest(instance, key)
        instance.report_runless_asset_event(dg.AssetMaterialization(TABLE))
        assert not _is_of_the_newest(instance, key), "Dagster shows nothing of it"

        (again,) = told_again(instance, repository, [TABLE])
        assert (again.passed, again.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert again.metadata["rows"].value == 3
        instance.report_runless_asset_event(again)
        assert _is_of_the_newest(instance, key)
        assert list(told_again(instance, None, [TABLE])) == []
