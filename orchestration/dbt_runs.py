"""dbt inside a Dagster step: the selected models and tests, in this process.

Belongs here: from Dagster's selection to dbt's, and from dbt's results to Dagster's events.
dbt's own command line would parse the project again in each run, 4 to 7 seconds; the
runner with the parsed manifest takes under one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator
from dbt.artifacts.schemas.results import NodeStatus, TestStatus
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from orchestration.dbt_projects import Project

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
    # A build leaves out the tests behind one that failed; checks alone are all wanted.
    command = "build" if context.selected_asset_keys else "test"
    arguments = [command, "--select", *(".".join(manifest["nodes"][node]["fqn"]) for node in nodes)]
    arguments += ["--indirect-selection", "empty", "--no-write-json", "--log-level-file", "none"]
    arguments += ["--no-use-colors"]
    arguments += ["--full-refresh"] if full_refresh and command == "build" else []
    parsed = Manifest.from_msgpack(project.parsed_path.read_bytes())
    ran = dbtRunner(manifest=parsed).invoke([*arguments, *project.options()])
    if ran.result is None:
        raise dg.Failure(f"dbt could not start: {ran.exception}") from ran.exception
    failed: list[str] = []
    for result in ran.result.results:  # type: ignore[union-attr]
        event = _event(result, nodes)
        if event is not None:
            yield event
        elif result.status == NodeStatus.Error:
            failed.append(f"{result.node.name}: {result.message}")
    if failed:
        raise dg.Failure("dbt could not build " + "; ".join(failed))


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
    for key in context.selected_asset_check_keys:
        ids[checks[key].metadata["dagster_dbt/unique_id"]] = key
    chosen = context.selected_asset_keys
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] in BUILT and (key := translator.get_asset_key(node)) in chosen:
            ids[unique_id] = key
    return ids


def _event(result: Any, nodes: Mapping[str, dg.AssetKey | dg.AssetCheckKey]) -> Event | None:
    key = nodes[result.node.unique_id]
    if isinstance(key, dg.AssetCheckKey):
        return _checked(result, key)
    if result.status == NodeStatus.Success:
        return dg.MaterializeResult(
            asset_key=key,
            metadata={"dbt": result.message, "duration_seconds": round(result.execution_time, 3)},
        )
    return None


def _checked(result: Any, key: dg.AssetCheckKey) -> dg.AssetCheckResult | None:
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
            "query": dg.MetadataValue.md(f"```sql\n{result.node.compiled_code or ''}\n```"),
        },
    )
