"""`cdc doctor` and `cdc verify`: whether capture can work, and whether it did.

Belongs here: options and what is printed. The work is in `ingestion.cdc`.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from interview_data.commands.cdc import cdc, chosen_options, source_options, told_plainly

if TYPE_CHECKING:
    from ingestion.cdc.findings import Finding
    from ingestion.cdc.verify import PastVerification, TableVerification

_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "error": ("ERROR", "red")}


@cdc.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--all", "is_all", is_flag=True, help="Print what is well too.")
@source_options
def doctor(as_json: bool, is_all: bool, **given: Any) -> None:
    """Look at everything capture needs; say what to run where it is missing.

    Changes nothing. Works before capture has ever run and while it runs. Exit code 1 on errors.
    """
    from ingestion.cdc.doctor import examine

    found = examine(chosen_options(given, may_be_away=True))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        _print_findings(found, is_all=is_all)
    if any(finding.level == "error" for finding in found):
        raise SystemExit(1)


def _print_findings(found: "list[Finding]", *, is_all: bool) -> None:
    for finding in found:
        if finding.level == "ok" and not is_all:
            continue
        word, color = _MARKS[finding.level]
        click.echo(f"{click.style(f'{word:<8}', fg=color)} {finding.subject}: {finding.meaning}")
        if finding.remedy:
            click.echo(f"         run: {finding.remedy}")
    counts = {level: sum(1 for one in found if one.level == level) for level in _MARKS}
    click.echo(
        f"{counts['ok']} ok{'' if is_all else ' (see --all)'}, {counts['warning']} warnings,"
        f" {counts['error']} errors."
    )


@cdc.command()
@click.argument("tables", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--history", "is_history", is_flag=True, help="Show former results; compare nothing.")
@click.option(
    "--keys", "shows_keys", is_flag=True, help="Print the keys of differing rows (may be personal)."
)
@click.option(
    "--timeout", "timeout_seconds", default=60.0, show_default=True, help="Seconds in all."
)
@source_options
def verify(
    tables: tuple[str, ...],
    as_json: bool,
    is_history: bool,
    shows_keys: bool,
    timeout_seconds: float,
    **given: Any,
) -> None:
    """Compare every table, or TABLES, with PostgreSQL at one position of its log.

    Locks nothing; both sides may be written meanwhile. Rows changed since the position are left
    out on both sides and counted. Where no capture runs, captures up to the position first.
    Exit code 1 where a table differs or is quarantined.
    """
    from ingestion.cdc.status import table_statuses
    from ingestion.cdc.verify import history
    from ingestion.cdc.verify import verify as compare

    chosen = chosen_options(given)
    if is_history:
        _print_history(history(chosen, tables[0] if tables else None), as_json=as_json)
        return
    with told_plainly():
        found = compare(chosen, timeout_seconds, tables)
    names = {table.table for table in found}
    aside = {
        status.table: f"{status.state}: {status.last_error or 'not yet comparable'}"
        for status in table_statuses(chosen)
        if status.table not in names
        and status.state != "removed"
        and (not tables or status.table in tables)
    }
    if as_json:
        compared = [_as_json(table, shows_keys=shows_keys) for table in found]
        others = [
            {"table": name, "is_equal": None, "problem": f"not compared: {reason}"}
            for name, reason in aside.items()
        ]
        click.echo(json.dumps([*compared, *others]))
    else:
        _print_tables(found, shows_keys=shows_keys)
        for name, reason in aside.items():
            click.echo(f"{name:<24} not compared: {reason}")
    is_aside = any(reason.startswith("quarantined") for reason in aside.values())
    if is_aside or not all(table.is_equal for table in found):
        raise SystemExit(1)


def _as_json(table: "TableVerification", *, shows_keys: bool) -> dict[str, Any]:
    values = {**asdict(table), "is_equal": table.is_equal}
    if not shows_keys:
        values["differing"] = [row.problem for row in table.differing]
    return values


def _print_tables(found: "Iterable[TableVerification]", *, shows_keys: bool) -> None:
    for table in found:
        mark = "equal" if table.is_equal else f"DIFFERENT {table.problem}"
        click.echo(
            f"{table.table:<24} {table.source_count:>10} {table.target_count:>10}"
            f" {table.changed_since_count:>8} changed since {table.lsn}"
            f" {table.duration_seconds:>7.2f} s  {mark}"
        )
        if table.differing_count:
            click.echo(f"    at least {table.differing_count} rows differ; some of them:")
        for row in table.differing:
            key = ", ".join(row.key) if shows_keys else "(--keys shows which)"
            click.echo(f"    {row.problem}: {key}")


def _print_history(found: "list[PastVerification]", *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], default=str))
        return
    for one in found:
        mark = "equal" if one.is_equal else f"DIFFERENT {one.problem}"
        click.echo(
            f"{one.verified_at:%Y-%m-%d %H:%M:%S} {one.table:<24} {one.source_count:>10}"
            f" {one.target_count:>10} at {one.lsn:<14} {mark}"
        )
