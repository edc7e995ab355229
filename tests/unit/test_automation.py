"""What is built when something has landed, as Dagster's own evaluation of the conditions says."""

from collections.abc import Iterable

import dagster as dg
import pytest
from dagster._core.definitions.data_version import DATA_VERSION_TAG

LANDED_EVENTS = ("user_events", "interview_metrics", "api_metrics")


class Platform:
    """An instance that is told what lands, and the conditions asked tick by tick."""

    def __init__(self, definitions: dg.Definitions) -> None:
        self._definitions = definitions
        self._instance = dg.DagsterInstance.ephemeral()
        self._cursor: object = None
        self.graph = definitions.resolve_asset_graph()
        keys = self.graph.get_all_asset_keys()
        self.landed = {key for key in keys if key.path[0] == "oltp"} | {
            dg.AssetKey(["analytics", name]) for name in LANDED_EVENTS
        }
        self.models = {key for key in keys if self.graph.get(key).automation_condition}

    def land(self, keys: Iterable[dg.AssetKey], version: str) -> None:
        for key in keys:
            told = dg.AssetMaterialization(key, tags={DATA_VERSION_TAG: version})
            self._instance.report_runless_asset_event(told)

    def tick(self) -> set[str]:
        """What is requested; it is built at once."""
        result = dg.evaluate_automation_conditions(
            self._definitions, self._instance, cursor=self._cursor
        )
        self._cursor = result.cursor
        requested = {key for key in self.models if result.get_num_requested(key)}
        for key in requested:
            spec = self.graph.get(key)
            self._instance.report_runless_asset_event(
                dg.AssetMaterialization(key, tags={"dagster/code_version": spec.code_version or ""})
            )
        return {key.to_user_string() for key in requested}


@pytest.fixture(scope="module")
def built(definitions: dg.Definitions) -> Platform:
    """Everything has landed and was built."""
    platform = Platform(definitions)
    assert not {name for name in platform.tick() if not name.startswith("operational/")}
    platform.land(platform.landed, "1")
    assert platform.tick() >= {
        key.to_user_string() for key in platform.models if key.path[0] != "operational"
    }
    assert platform.tick() == set()
    return platform


def test_what_lands_makes_the_tables_behind_it_stale_and_no_other(built: Platform) -> None:
    built.land([dg.AssetKey(["oltp", "usage_tracking"])], "2")
    requested = built.tick()
    assert {"staging/int_landed", "rollups/rollup_usage_daily", "rollups/rollup_freshness"} <= (
        requested
    )
    assert "rollups/rollup_user_activity_daily" not in requested
    assert not {name for name in requested if name.startswith("marts/fct_")}
    assert built.tick() == set()


def test_a_table_told_again_without_a_change_makes_nothing_stale(built: Platform) -> None:
    built.land([dg.AssetKey(["oltp", "questions"])], "3")
    assert built.tick()
    built.land([dg.AssetKey(["oltp", "questions"])], "3")
    assert built.tick() == set()
