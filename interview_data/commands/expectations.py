"""`expectations …`: judging what has landed, what came of it, and the rows kept out of the models.

Belongs here: options and what is printed. The work is in `expectations`.
"""

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from stores.errors import InputInvalid


@click.group()
def expectations() -> None:
    """Judge what has landed, before models are built on it."""


@expectations.command("run")
@click.argument("names", nargs=-1, metavar="[SUITE]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def run_suites(names: tuple[str, ...], as_json: bool) -> None:
    """Ask every expectation of these suites, by default of all. Exit code 1 on a severe failure.

    Rows that break a severe one are put in quarantine; a warning shows and stops nothing.
    """
    from expectations.checkpoint import run_suites as run
    from expectations.suites import SUITES, suite_named

    chosen = [suite_named(name) for name in names] or list(SUITES.values())

    def tell(suite: Any) -> None:
        click.echo(f"{suite.table} ...", err=True)

    reports = run(chosen, tell=tell)
    if as_json:
        click.echo(json_format.dumps([asdict(report) for report in reports]))
    else:
        for suite, report in zip(chosen, reports, strict=True):
            for item in report.unmet:
                click.echo(f"{item.severity}: {item.sentence(suite.table)}")
        asked = sum(len(report.results) for report in reports)
        unmet = sum(len(report.unmet) for report in reports)
        click.echo(f"{asked} expectations, {unmet} not met")
    if any(report.has_severe_failure for report in reports):
        raise SystemExit(1)


@expectations.command("results")
@click.argument("name", default="", metavar="[SUITE]")
@click.option("--unmet", "is_unmet_only", is_flag=True, help="Only what does not hold.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_results(name: str, is_unmet_only: bool, as_json: bool) -> None:
    """Show the newest answer to each expectation; /dashboards/expectations has the older ones."""
    from expectations import history
    from stores.clickhouse.client import connect

    found = history.newest(connect(), _checked(name))
    rows = [asdict(answer) for answer in found if not (is_unmet_only and answer.is_met)]
    if not as_json:
        rows = [
            {
                "suite": row["suite"],
                "expectation": row["expectation"],
                "result": "met" if row["is_met"] else row["severity"],
                "broken": row["breaking_count"] or "",
                "first": row["error"] or row["first_breaking"],
                "checked": row["checked_at"],
            }
            for row in rows
        ]
    asked = "Nothing was asked yet: interview-data expectations run"
    _show(rows, as_json, "Everything asked lately was met." if found else asked)


@expectations.group()
def quarantine() -> None:
    """Rows that broke a severe expectation: left out of the models until corrected or released."""


@quarantine.command("list")
@click.argument("name", default="", metavar="[SUITE]")
@click.option("--all", "is_all", is_flag=True, help="Also released, corrected and gone ones.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_rows(name: str, is_all: bool, limit: int, as_json: bool) -> None:
    """List the rows, the newest first, with the columns that hold no personal data."""
    from expectations import quarantine as keeping
    from stores.clickhouse.client import connect

    states = ("open", "released", "corrected", "gone") if is_all else ("open",)
    found = keeping.listed(connect(), _checked(name), states, limit)
    rows = [asdict(row) for row in found]
    if not as_json:
        names = ("suite", "row_id", "expectation", "state", "found_at", "content")
        rows = [{name: row[name] for name in names} for row in rows]
    _show(rows, as_json, "No row is in quarantine.")


@quarantine.command("release")
@click.argument("name", metavar="SUITE")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "is_all", is_flag=True, help="Every row of the suite.")
def release_rows(name: str, ids: tuple[str, ...], is_all: bool) -> None:
    """Let the models have rows as they are. Holds until a row changes.

    The next build counts them: interview-data dbt warehouse build, or Dagster's next run.
    """
    from expectations import quarantine as keeping
    from expectations.suites import suite_named
    from stores.clickhouse.client import connect

    if bool(ids) == is_all:
        raise InputInvalid("id", "name the rows to release, or give --all")
    count = keeping.release(connect(), suite_named(name), ids)
    click.echo(f"{count} row{'' if count == 1 else 's'} of {name} released")


def _checked(name: str) -> str:
    """An empty name is every suite."""
    from expectations.suites import suite_named

    return suite_named(name).name if name else ""


def _show(rows: Sequence[dict[str, Any]], as_json: bool, otherwise: str) -> None:
    if as_json:
        click.echo(json_format.dumps(rows, default=_text))
        return
    if not rows:
        click.echo(otherwise)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=0)
    for place, heading in enumerate(rows[0]):
        table.add_column(heading, no_wrap=place == 0, overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    Console().print(table)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    return "" if value is None else str(value)
