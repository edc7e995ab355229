"""Which models are not built because what has landed is not fit for them.

Belongs here: from what a run is about to build to the suites of the landed tables behind it, and
from a suite that blocks to the models behind its table. It holds for every run, however started,
because it is asked where dbt is. What is asked is in `expectations.gate`.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.checks.landed import CHECK, page_link

if TYPE_CHECKING:
    from expectations.gate import Look

# It reads how far every source reaches, and no row: a bad table must not hold back all the others.
_READS_TIMES_ONLY = frozenset({"stg_landed__sources"})


def look_before_building(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], nodes: Collection[str]
) -> dict[str, str]:
    """Ask the suites of what `nodes` are built from. Returns which of them must not run, and why.

    Raises StoreUnavailable.
    """
    from expectations.gate import look
    from expectations.suites import BY_TABLE
    from stores.clickhouse.client import connect

    tables = {
        source: f"{node['schema']}.{node['name']}" for source, node in manifest["sources"].items()
    }
    wanted = _reachable(manifest, nodes, manifest["parent_map"])
    behind = {
        source: BY_TABLE[table]
        for source, table in tables.items()
        if table in BY_TABLE and source in wanted
    }
    if not behind:
        return {}
    looks = look(connect(), {suite.name: suite for suite in behind.values()}.values())
    _tell(context, looks)
    blocked = {item.suite.name: item.blocked_by for item in looks if item.blocked_by}
    reasons: dict[str, str] = {}
    for source, suite in behind.items():
        if suite.name in blocked:
            for node in _reachable(manifest, [source], manifest["child_map"]):
                reasons.setdefault(node, blocked[suite.name])
    return {node: reasons[node] for node in nodes if node in reasons}


def held_back(manifest: Mapping[str, Any], reasons: Mapping[str, str]) -> dg.Failure:
    """To be raised once all else is built: each reason, and the models behind it."""
    models: dict[str, list[str]] = {}
    for node, reason in reasons.items():
        if manifest["nodes"][node]["resource_type"] != "test":
            models.setdefault(reason, []).append(manifest["nodes"][node]["name"])
    said = [f"{reason} Not built: {', '.join(names)}." for reason, names in models.items()]
    return dg.Failure(" ".join(said), allow_retries=False)


def _reachable(
    manifest: Mapping[str, Any], start: Iterable[str], edges: Mapping[str, list[str]]
) -> set[str]:
    found: set[str] = set()
    waiting = set(start)
    while waiting:
        found |= waiting
        waiting = {
            after for node in waiting for after in edges.get(node, ()) if after not in found
        } - {
            node
            for node in edges
            if manifest["nodes"].get(node, {}).get("name") in _READS_TIMES_ONLY
        }
    return found


def _tell(context: dg.AssetExecutionContext, looks: "Collection[Look]") -> None:
    """What the gate found: in the run's log, and as the red check of the table it is in."""
    for item in looks:
        said = [*item.found, *([item.blocked_by] if item.blocked_by else [])]
        if not said:
            continue
        for sentence in dict.fromkeys(said):
            context.log.warning(sentence)
        context.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(item.suite.table.split(".")),
                check_name=CHECK,
                passed=False,
                severity=dg.AssetCheckSeverity.ERROR,
                metadata={
                    "found_before_a_build": dg.MetadataValue.md(
                        "\n".join(f"- {sentence}" for sentence in dict.fromkeys(said))
                    ),
                    "quarantined_rows_count": item.quarantined_count,
                    "page": page_link(item.suite.name),
                },
            )
        )
