"""`reconcile`: whether usage and activity are the same in all places, as its user sees it.

Belongs here: options, and how a report is printed. The comparing is in `operations.reconciliation`.
"""

from __future__ import annotations

import json as json_format
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from operations.reconciliation.report import Difference, Reconciled, Report

_LISTED_AT_MOST = 20


@click.command()
@click.option("--month", metavar="YYYY-MM", help="One month only; by default all that are known.")
@click.option(
    "--wait-seconds",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="How long what differs may take to arrive everywhere.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.pass_context
def reconcile(
    context: click.Context, month: str | None, wait_seconds: float, as_json: bool
) -> None:
    """Compare metered usage and user activity in all places that keep them.

    By resource and month: PostgreSQL's ledger, its captured entries, the rollup and, where there
    is one, the counter in Redis. By day, user and type: events, live view and rollup. Exits with
    1 where anything differs.
    """
    from operations.reconciliation.run import reconcile as compare

    report = compare(_first_day(month) if month else None, wait_seconds)
    if as_json:
        click.echo(json_format.dumps(report.to_json(), indent=2, default=str))
    else:
        for line in _lines(report):
            click.echo(line)
    if not report.is_equal:
        context.exit(1)


def _first_day(month: str) -> date:
    try:
        return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise click.BadParameter("must be like 2026-11", param_hint="--month") from None


def _lines(report: Report) -> list[str]:
    lines = [f"{'':<12}{'month':<9}{'compared':>9}{'differing':>11}  totals"]
    for item in report.items:
        totals = ", ".join(
            f"{place} {'-' if amount is None else amount}" for place, amount in item.totals.items()
        )
        lines.append(
            f"{item.subject:<12}{item.month:%Y-%m}  {item.compared_count:>9}"
            f"{item.differing_count:>11}  {totals}"
        )
    for item in report.items:
        lines += _differences(item)
    verdict = "All places agree." if report.is_equal else f"{report.differing_count} differ."
    return [*lines, verdict]


def _differences(item: Reconciled) -> list[str]:
    lines = []
    for difference in item.differences[:_LISTED_AT_MOST]:
        lines += _difference(item, difference)
    if item.differing_count > _LISTED_AT_MOST:
        lines.append(f"  ... and {item.differing_count - _LISTED_AT_MOST} more; --json lists more")
    return lines


def _difference(item: Reconciled, difference: Difference) -> list[str]:
    kept = ", ".join(
        f"{place} {amount}" for place, amount in difference.amounts.items() if amount is not None
    )
    head = f"{item.month:%Y-%m} {difference.detail}, user {difference.user_id}: {kept}"
    return [head, *(f"  {reason}" for reason in difference.reasons)]
