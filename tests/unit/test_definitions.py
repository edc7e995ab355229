"""The code location loads, and its lineage is the one that was agreed."""

from pathlib import Path

import dagster as dg

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "asset_graph.txt"


def test_every_definition_is_valid(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_asset_graph_is_the_recorded_one(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.to_user_string()):
        node = graph.get(key)
        parents = ", ".join(sorted(parent.to_user_string() for parent in node.parent_keys))
        lines.append(f"{node.group_name} {key.to_user_string()} <- {parents or 'nothing'}")
    assert SNAPSHOT.read_text().splitlines() == lines, (
        "The lineage has changed. If that is meant, write the new one to "
        f"{SNAPSHOT.relative_to(SNAPSHOT.parents[2])}:\n" + "\n".join(lines)
    )


def test_every_asset_says_what_it_is_and_whose(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key


def test_lineage_runs_from_postgres_and_the_api_to_the_dashboard(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    found: set[dg.AssetKey] = set()
    waiting = {dg.AssetKey(["dashboards", "usage"])}
    while waiting:
        found |= waiting
        waiting = {parent for key in waiting for parent in graph.get(key).parent_keys} - found
    for start in ("postgres/usage_tracking", "postgres/subscriptions", "api/events"):
        assert dg.AssetKey.from_user_string(start) in found
    roots = {key for key in found if not graph.get(key).parent_keys}
    assert {key.path[0] for key in roots} == {"postgres", "api"}


def test_every_singular_test_of_dbt_is_a_check(definitions: dg.Definitions) -> None:
    names = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    folders = Path(__file__).parents[2].glob("dbt/*/tests/*.sql")
    assert {path.stem for path in folders} <= names
    assert {"expectations", "equals_postgres"} <= names
