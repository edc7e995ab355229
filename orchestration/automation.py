"""When a model is built by itself: conditions, each read by Dagster's own automation.

Belongs here: what makes a model stale. What has landed is told by `sensors`; a view is as fresh
as what it reads, so it is built only where it is missing or its code has changed, and a table
also where one of the landed tables behind it, through however many views, has moved.
"""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any

import dagster as dg
from dagster._core.definitions.declarative_automation.automation_condition import (
    BuiltinAutomationCondition,
)

TICK_SECONDS = 10
# The tag of dbt models that say how far every source has come.
WATERMARK = "watermark"
# ClickHouse itself keeps this view of what the event writer lands.
_VIEW_OF = {"daily_user_activity": "user_events"}
# A failed build is tried again with the minute, not with every tick.
AGAIN = "* * * * *"

Condition = BuiltinAutomationCondition[Any]


def ancestors(manifest: Mapping[str, Any], unique_id: str) -> frozenset[str]:
    """The dbt models and sources from which a model is made, through however many models.

    A rollup waits for the model that notes how far everything has come, and is not made from it.
    """
    nodes = manifest["nodes"]
    is_watermark = WATERMARK in nodes[unique_id]["tags"]
    found: set[str] = set()
    waiting = [unique_id]
    while waiting:
        for parent in set(manifest["parent_map"].get(waiting.pop(), ())) - found:
            if is_watermark or WATERMARK not in nodes.get(parent, {}).get("tags", ()):
                found.add(parent)
                waiting.append(parent)
    return frozenset(found)


def landed_ancestors(manifest: Mapping[str, Any], unique_id: str) -> frozenset[dg.AssetKey]:
    """The landed tables among them."""
    made_from = ancestors(manifest, unique_id) & manifest["sources"].keys()
    return frozenset(key for one in made_from for key in _told_of(manifest["sources"][one]))


def _told_of(source: Mapping[str, Any]) -> set[dg.AssetKey]:
    """The landed table whose materializations tell of a dbt source; PostgreSQL's own tell none."""
    if source["source_name"] in ("oltp", "oltp_log"):
        return {dg.AssetKey(["oltp", source["name"]])}
    if source["source_name"] == "analytics":
        return {dg.AssetKey(["analytics", _VIEW_OF.get(source["name"], source["name"])])}
    return set()


def condition_of_view(sources: Iterable[dg.AssetKey]) -> Condition:
    """Built where it is missing or its code has changed, once all it reads is there."""
    return _when(_new_code(), sources).with_label("missing, or its code has changed")


def condition_of_table(sources: Iterable[dg.AssetKey]) -> Condition:
    """Built also where something has landed since it was last asked for."""
    keys = sorted(sources)
    moved = [
        dg.AutomationCondition.asset_matches(key, dg.AutomationCondition.data_version_changed())
        for key in keys
    ]
    trigger: Condition = reduce(or_, moved, _new_code())
    return _when(trigger, keys).with_label("missing, its code has changed, or something has landed")


def unless_something_failed(condition: Condition) -> Condition:
    """`condition`, but not while something that the model reads has failed and is not built
    along with it: what is said of all of them must not pass over one of them."""
    failed = dg.AutomationCondition.execution_failed()
    return condition & ~dg.AutomationCondition.any_deps_match(
        failed & ~dg.AutomationCondition.will_be_requested()
    )


def automation_sensor(models: dg.AssetSelection) -> dg.AutomationConditionSensorDefinition:
    """Asks the conditions of `models`, and starts one run for those that hold."""
    return dg.AutomationConditionSensorDefinition(
        "build_what_is_stale",
        target=models,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds the models that are missing, changed or behind what has landed.",
    )


def _new_code() -> Condition:
    return dg.AutomationCondition.missing() | dg.AutomationCondition.code_version_changed()


def _when(trigger: Condition, sources: Iterable[dg.AssetKey]) -> Condition:
    """`trigger` since the model was last asked for, or a failure a minute ago.

    What lands while a run is under way is kept for the next one: a run may have read before.
    """
    # The clock first: nothing is looked up where the first of the two does not hold.
    failed = (
        dg.AutomationCondition.cron_tick_passed(AGAIN) & dg.AutomationCondition.execution_failed()
    )
    absent = [
        dg.AutomationCondition.asset_matches(key, dg.AutomationCondition.missing())
        for key in sources
    ]
    ready: Condition = ~dg.AutomationCondition.in_progress()
    if absent:
        ready &= ~reduce(or_, absent)
    return (trigger | failed).since(dg.AutomationCondition.newly_requested()) & ready
