"""`up`, `down`, `status`, `env`, `logs`, `reset`: the local stack as its user sees it.

Belongs here: options and what is printed. Starting and watching is in `interview_data.control`.
"""

import json as json_format
import shlex
from collections.abc import Callable

import click

from stores.local.home import Home
from stores.settings import HomeOnly, load_settings

# In this order; shells export exactly these.
PUBLISHED = (
    "DATABASE_URL",
    "CLICKHOUSE_URL",
    "REDIS_URL",
    "S3_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "ELASTICSEARCH_URL",
    "EVENT_BUS_URL",
    "API_URL",
    "API_KEY",
    "DAGSTER_URL",
)


def _home() -> Home:
    return Home(HomeOnly().path)


def _selection(command: Callable[..., None]) -> Callable[..., None]:
    only = click.option("--only", multiple=True, metavar="NAME", help="Run this one; repeatable.")
    without = click.option(
        "--without", multiple=True, metavar="NAME", help="Leave this one out; repeatable."
    )
    return only(without(command))


@click.command()
@click.option("--detach", "-d", is_flag=True, help="Return as soon as everything is ready.")
@click.option("--demo", is_flag=True, help="Load the demo population on the first start.")
@_selection
def up(detach: bool, demo: bool, only: tuple[str, ...], without: tuple[str, ...]) -> None:
    """Start everything, and stay until Ctrl-C.

    NAME is postgres, clickhouse, redis, event-bus, object-store, search, change-capture,
    event-writer, search-indexer, webhook-sender, api or dagster. A store whose URL is set is not
    started.
    """
    from interview_data.control import run_up

    run_up(_home(), detach=detach, demo=demo, only=only, without=without)


@click.command()
def down() -> None:
    """Stop everything, in reverse order."""
    from interview_data.control import stop

    click.echo("Stopped." if stop(_home()) else "Nothing is running.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def status(as_json: bool) -> None:
    """Say what runs, since when, and what died. Exits with 1 where something is not ready."""
    from interview_data.status import print_status, read_status

    found = read_status(_home())
    if as_json:
        click.echo(json_format.dumps(found, indent=2))
    else:
        print_status(found)
    if not found["is_ready"]:
        raise SystemExit(1)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of exports.")
def env(as_json: bool) -> None:
    """Print every URL with its credentials: `eval "$(interview-data env)"`."""
    settings = load_settings()
    found = {name: getattr(settings, name.lower()) for name in PUBLISHED}
    values = {name: value for name, value in found.items() if value is not None}
    if not values:
        settings.require(PUBLISHED[0].lower())
    if as_json:
        click.echo(json_format.dumps(values, indent=2))
    else:
        for name, value in values.items():
            click.echo(f"export {name}={shlex.quote(value)}")


@click.command()
@click.argument("name", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on as lines are written, until Ctrl-C.")
@click.option("--lines", "-n", default=50, show_default=True, help="How many of the last lines.")
def logs(name: str | None, follow: bool, lines: int) -> None:
    """Print the log of NAME, or of everything."""
    from interview_data.log_view import show

    show(_home(), name, line_count=lines, is_followed=follow)


@click.command()
@click.option("--yes", is_flag=True, help="Really delete all local state.")
def reset(yes: bool) -> None:
    """Stop everything and delete all local data, logs, ports and credentials."""
    from interview_data.control import stop

    home = _home()
    if not yes:
        raise click.UsageError(f"This deletes everything in {home.path}. Say so with --yes.")
    stop(home)
    home.empty()
    click.echo(f"{home.path} is empty.")
