"""`backfill`: days of the rollups computed anew, as a run that Dagster shows.

Belongs here: which days, and what is printed. What a day's restatement does belongs to the asset
`rollups/restated_days`.
"""

import subprocess
import sys
from datetime import UTC, date, datetime

import click

from stores.errors import InputInvalid

FIRST_DAY = date(2024, 1, 1)
TIMEOUT_SECONDS = 3600


@click.command()
@click.option(
    "--from", "first", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The first day, UTC."
)
@click.option(
    "--until", "last", type=click.DateTime(["%Y-%m-%d"]), help="The last day; by default today."
)
def backfill(first: datetime, last: datetime | None) -> None:
    """Compute days of every rollup anew, also where a comparison finds no difference.

    A refresh finds late, changed and deleted rows by itself. This is for a model that was mended,
    and for rows that were changed in place. All days are one run, which Dagster shows; the same
    can be asked for there, at the partitions of rollups/restated_days.
    """
    from orchestration.serve import prepared_environment
    from stores.settings import REPOSITORY, load_settings

    days = _checked(first.date(), last.date() if last else None, datetime.now(UTC).date())
    click.echo(f"Restating {days[0]} to {days[1]} ...", err=True)
    command = [sys.executable, "-m", "dagster", "asset", "materialize"]
    command += ["-m", "orchestration.definitions", "--select", "rollups/restated_days"]
    command += ["--partition-range", f"{days[0]}...{days[1]}"]
    done = subprocess.run(
        command,
        env=prepared_environment(load_settings()),
        cwd=REPOSITORY,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    click.echo(f"{(days[1] - days[0]).days + 1} days are restated.")


def _checked(first: date, last: date | None, today: date) -> tuple[date, date]:
    """Raises InputInvalid naming the option and its rule."""
    until = last or today
    if until > today:
        raise InputInvalid("--until", f"must not be after today, {today} in UTC")
    if not FIRST_DAY <= first <= until:
        raise InputInvalid("--from", f"must be from {FIRST_DAY} to {until}")
    return first, until
