"""`dbt`: the dbt projects by hand, with the running stack's connections.

Belongs here: passing a command on to dbt, and telling which rows a failed test found. What the
projects are is in `orchestration.dbt_projects`.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from orchestration.dbt_projects import Project


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("project", type=click.Choice(["warehouse", "operational"]))
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def dbt(context: click.Context, project: str, arguments: tuple[str, ...]) -> None:
    """Run a dbt command on PROJECT. Of a failed test the first rows that it found are shown.

    For example: interview-data dbt warehouse build --select +rollup_usage_daily
    """
    from orchestration.dbt_projects import PROJECTS, connection_environment, dbt_command
    from stores.settings import inherited_environment, load_settings

    settings = load_settings()
    environment = inherited_environment(settings.interview_data_home)
    chosen = PROJECTS[project]
    started_at = time.time()
    command = [*dbt_command(), *arguments, *chosen.source_options()]
    environment |= {**connection_environment(settings), **chosen.artifacts_environment()}
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode:
        for text in _failures(chosen, started_at):
            click.echo(f"\n{text}")
    context.exit(done.returncode)


def _failures(project: "Project", since: float) -> Iterator[str]:
    """Of each test that failed in the run just done: the first rows."""
    from orchestration.failing_rows import describe

    results = project.artifacts / "run_results.json"
    if not (results.exists() and results.stat().st_mtime >= since):
        return
    manifest = json.loads(project.manifest_path.read_text())
    for result in json.loads(results.read_text())["results"]:
        unique_id = result["unique_id"]
        if result["status"] in ("fail", "warn") and unique_id.startswith("test."):
            yield describe(project.name, manifest, unique_id, result.get("compiled_code") or "")
