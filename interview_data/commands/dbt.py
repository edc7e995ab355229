"""`dbt`: the dbt projects by hand, with the running stack's connections.

Belongs here: passing a command on to dbt. What the projects are is in `orchestration.dbt_projects`.
"""

import subprocess

import click


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("project", type=click.Choice(["warehouse", "operational"]))
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def dbt(context: click.Context, project: str, arguments: tuple[str, ...]) -> None:
    """Run a dbt command on PROJECT.

    For example: interview-data dbt warehouse build --select rollup_usage_daily
    """
    from orchestration.dbt_projects import PROJECTS, connection_environment, dbt_command
    from stores.settings import inherited_environment, load_settings

    settings = load_settings()
    environment = inherited_environment(settings.interview_data_home)
    chosen = PROJECTS[project]
    command = [*dbt_command(), *arguments, *chosen.source_options()]
    environment |= {**connection_environment(settings), **chosen.artifacts_environment()}
    done = subprocess.run(command, env=environment, check=False)
    context.exit(done.returncode)
