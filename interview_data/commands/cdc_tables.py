"""`cdc pause`, `resume`, `resync`: one captured table's life, seen from the command line.

Belongs here: options and what is printed. The work is in `ingestion.cdc.control`.
"""

import json as json_format
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from interview_data.commands.cdc import cdc, chosen_options, source_options

if TYPE_CHECKING:
    from ingestion.cdc.control import Action, Outcome

_Command = Callable[..., None]


def _wish_options(command: _Command) -> _Command:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--no-wait", "is_left", is_flag=True, help="Only leave the wish."),
        click.option(
            "--timeout", "timeout_seconds", default=60.0, show_default=True, help="Wait so long."
        ),
    ):
        command = option(command)
    return source_options(command)


@cdc.command()
@click.argument("table")
@_wish_options
def pause(table: str, **given: Any) -> None:
    """Stop writing TABLE's changes; readers keep the rows they see now.

    The log is not held for it: what changes meanwhile is not kept anywhere. `cdc resume` reads
    the whole table anew, so nothing is lost. It may be paused for any time.
    """
    _wish(table, "pause", f"{table} is paused; readers keep its rows as they are.", **given)


@cdc.command()
@click.argument("table")
@_wish_options
def resume(table: str, **given: Any) -> None:
    """Go on with a paused TABLE.

    It is read anew as a whole, because changes during the pause were not kept. Readers see the
    rows from before the pause until that is complete, then all new ones at once.
    """
    _wish(table, "resume", f"{table} is read anew and streams again.", **given)


@cdc.command()
@click.argument("table", required=False)
@click.option("--all", "is_all", is_flag=True, help="Every table, also after a lost slot.")
@_wish_options
def resync(table: str | None, is_all: bool, **given: Any) -> None:
    """Read TABLE anew, also out of quarantine or a pause.

    It is read into a shadow beside the rows that readers see, and exchanged with them at once
    when it is complete.
    """
    if (table is None) != is_all:
        raise click.UsageError("give the name of one TABLE, or --all")
    done = "every table is read anew." if is_all else f"{table} is read anew."
    _wish(table or "*", "resync", done, **given)


def _wish(
    table: str,
    action: "Action",
    done: str,
    *,
    is_left: bool,
    timeout_seconds: float,
    as_json: bool,
    **given: Any,
) -> None:
    from ingestion.cdc.control import Outcome, ask, wait_until_done

    chosen = chosen_options(given)
    request = ask(chosen, table, action)
    if is_left:
        outcome = Outcome(action, is_done=False, tables=())
        done = "The running capture, or the next, will do it; see `interview-data cdc status`."
    else:
        if not as_json:
            click.echo(f"Waiting up to {timeout_seconds:.0f} s for capture …", err=True)
        outcome = wait_until_done(chosen, request, timeout_seconds)
    _print(outcome, done, as_json=as_json)


def _print(outcome: "Outcome", done: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json_format.dumps(asdict(outcome)))
        return
    click.echo(done)
    for table in outcome.tables:
        click.echo(f"{table.table:<24} {table.state:<13} {table.rows:>10} read")
