"""dbt inside a Dagster step: the selected models and tests, in this process.

Belongs here: from Dagster's selection to dbt's, and from dbt's results to Dagster's events.
dbt's own command line would parse the project again in each run, 4 to 7 seconds; the
runner with the parsed manifest takes under one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.storage.tags import AUTOMATION_CONDITION_TAG
from dagster_dbt import DagsterDbtTranslator
from dbt.artifacts.schemas.results import NodeStatus, TestStatus
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from orchestration.column_lineage import Tracer
from orchestration.dbt_projects import Project
from orchestration.failing_rows import describe
from orchestration.held_back import held_back, look_before_building
from orchestration.retries import failure

BUILT = ("model", "snapshot")
Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


def build(
    context: dg.AssetExecutionContext,
    project: Project,
    manifest: Mapping[str, Any],
    translator: DagsterDbtTranslator,
    full_refresh: bool = False,
) -> Iterator[Event]:
    """Build what is selected; a model that fails fails the step, a test turns its check red."""
    nodes = _selected(context, manifest, translator)
    # Checks alone are asked of what is there; only a build can bring bad rows into a model.
    held = look_before_building(context, manifest, nodes) if context.selected_asset_keys else {}
    nodes = {node: key for node, key in nodes.items() if node not in held}
    if held and not nodes:
        raise held_back(manifest, held)
    # A build leaves out the tests behind one that failed; checks alone are all wanted.
    command = "build" if context.selected_asset_keys else "test"
    refresh = ["--full-refresh"] if full_refresh and command == "build" else []
    # dbt would run the unit tests of each model too: they are for whoever changes one.
    chosen = [*_chosen(manifest, nodes), "--exclude-resource-type", "unit_test"]
    results = _run(project, [command, *chosen, *refresh])
    tracer = Tracer(manifest, translator, project.artifacts / "column_lineage")
    failed: list[str] = []
    for result in results:
        event = _event(result, nodes, project, manifest)
        if event is not None:
            yield _with_columns(event, tracer, result.node)
        elif result.status == NodeStatus.Error:
            failed.append(f"{result.node.name}: {result.message}")
    if failed:
        raise failure("dbt could not build", failed)
    if held:
        raise held_back(manifest, held)


def restate(
    project: Project, manifest: Mapping[str, Any], rollups: Iterable[str], first: date, last: date
) -> Mapping[str, str]:
    """Compute the slices of `rollups` from `first` to `last` anew, also where nothing differs.

    Returns what dbt says of each, by name. Raises Failure, or RetryRequested where a store is away.
    """
    days = json.dumps({"restate_from": first.isoformat(), "restate_until": last.isoformat()})
    results = _run(project, ["run", *_chosen(manifest, rollups), "--vars", days])
    told = {result.node.name: str(result.message) for result in results}
    if failed := [
        f"{result.node.name}: {result.message}"
        for result in results
        if result.status != NodeStatus.Success
    ]:
        raise failure("dbt could not restate", failed)
    return told


def _chosen(manifest: Mapping[str, Any], nodes: Iterable[str]) -> list[str]:
    return ["--select", *(".".join(manifest["nodes"][node]["fqn"]) for node in nodes)]


def _run(project: Project, command: Sequence[str]) -> Sequence[Any]:
    """dbt's results of a command, by the manifest that was parsed before."""
    quiet = ["--indirect-selection", "empty", "--no-write-json", "--log-level-file", "none"]
    parsed = Manifest.from_msgpack(project.parsed_path.read_bytes())
    # Macros look at it, and only a parse makes it.
    parsed.build_flat_graph()  # type: ignore[no-untyped-call]  # dbt's own, untyped
    ran = dbtRunner(manifest=parsed).invoke(
        [*command, *quiet, "--no-use-colors", *project.options()]
    )
    if ran.result is None:
        raise failure("dbt could not start:", [str(ran.exception)]) from ran.exception
    results: Sequence[Any] = ran.result.results  # type: ignore[union-attr]
    return results


def _selected(
    context: dg.AssetExecutionContext,
    manifest: Mapping[str, Any],
    translator: DagsterDbtTranslator,
) -> dict[str, dg.AssetKey | dg.AssetCheckKey]:
    """The dbt id of each selected asset and check."""
    ids: dict[str, dg.AssetKey | dg.AssetCheckKey] = {}
    checks = {
        spec.key: spec for spec in context.assets_def.node_check_specs_by_output_name.values()
    }
    # Tests are for the daily run and for whoever asks: those that compare with a source would be
    # red whenever something lands while a table is refreshed.
    wanted = (
        () if AUTOMATION_CONDITION_TAG in context.run.tags else context.selected_asset_check_keys
    )
    for key in wanted:
        ids[checks[key].metadata["dagster_dbt/unique_id"]] = key
    chosen = context.selected_asset_keys
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] in BUILT and (key := translator.get_asset_key(node)) in chosen:
            ids[unique_id] = key
    return ids


def _event(
    result: Any,
    nodes: Mapping[str, dg.AssetKey | dg.AssetCheckKey],
    project: Project,
    manifest: Mapping[str, Any],
) -> Event | None:
    key = nodes[result.node.unique_id]
    if isinstance(key, dg.AssetCheckKey):
        compiled = result.node.compiled_code if result.failures else ""
        return _checked(
            result, key, describe(project.name, manifest, result.node.unique_id, compiled)
        )
    if result.status == NodeStatus.Success:
        return dg.MaterializeResult(
            asset_key=key,
            metadata={"dbt": result.message, "duration_seconds": round(result.execution_time, 3)},
        )
    return None


def _with_columns(event: Event, tracer: Tracer, node: Any) -> Event:
    """A materialization tells of which columns its own are made."""
    if not isinstance(event, dg.MaterializeResult):
        return event
    if (columns := tracer.trace(node)) is None:
        return event
    metadata: dict[str, Any] = {**(event.metadata or {}), "dagster/column_lineage": columns}
    return event._replace(metadata=metadata)


def _checked(result: Any, key: dg.AssetCheckKey, rows: str) -> dg.AssetCheckResult | None:
    if result.status in (TestStatus.Skipped, "skipped"):
        return None
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result.status == TestStatus.Pass,
        severity=(
            dg.AssetCheckSeverity.WARN
            if result.status == TestStatus.Warn
            else dg.AssetCheckSeverity.ERROR
        ),
        metadata={
            "failing_rows_count": int(result.failures or 0),
            "message": result.message or "",
            **({"first_rows": dg.MetadataValue.md(rows)} if rows else {}),
            "query": dg.MetadataValue.md(f"```sql\n{result.node.compiled_code or ''}\n```"),
        },
    )
