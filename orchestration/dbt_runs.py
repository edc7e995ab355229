"""dbt inside a Dagster step: the selected models and tests, in this process.

Belongs here: from Dagster's selection to dbt's, and from dbt's results to Dagster's events.
dbt's own command line would parse the project again in each run, 4 to 7 seconds; the
runner with the parsed manifest takes under one.
"""

from collections.abc import Iterator, Mapping
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
    arguments = [command, "--select", *(".".join(manifest["nodes"][node]["fqn"]) for node in nodes)]
    arguments += ["--indirect-selection", "empty", "--no-write-json", "--log-level-file", "none"]
    # Unit tests look at the models' text alone: they are for whoever changes it.
    arguments += ["--no-use-colors", "--exclude-resource-type", "unit_test"]
    arguments += ["--full-refresh"] if full_refresh and command == "build" else []
    parsed = Manifest.from_msgpack(project.parsed_path.read_bytes())
    # Macros look at it, and only a parse makes it.
    parsed.build_flat_graph()
    ran = dbtRunner(manifest=parsed).invoke([*arguments, *project.options()])
    if ran.result is None:
        raise failure("dbt could not start:", [str(ran.exception)]) from ran.exception
    tracer = Tracer(manifest, translator, project.artifacts / "column_lineage")
    failed: list[str] = []
    for result in ran.result.results:  # type: ignore[union-attr]
        event = _event(result, nodes, project, manifest)
        if event is not None:
            yield _with_columns(event, tracer, result.node)
        elif result.status == NodeStatus.Error:
            failed.append(f"{result.node.name}: {result.message}")
    if failed:
        raise failure("dbt could not build", failed)
    if held:
        raise held_back(manifest, held)


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
