"""Change capture, measured against the server's own limit.

Starts a stack of its own (PostgreSQL, ClickHouse) in a temporary home.

stream: changes wait in slots; `pg_recvlogical` drains one to /dev/null, a bounded run of capture
another into ClickHouse, end to end, in alternating order. Afterwards `cdc verify` must find every
row equal.
snapshot: a table is read for the first time, beside ClickHouse's `INSERT SELECT FROM postgresql()`.
lag: from commit to visible while rows keep coming, then what an idle capture costs.
open-transaction: 2M rows in one, while capture follows.

    .venv/bin/python -m bench.capture [--part stream [--only TEXT]] [--quick] [--runs 3] [--json]
"""

import json
from dataclasses import asdict
from typing import Any

import click

from bench.capture_lag import measure as measure_lag
from bench.capture_lag import measure_open_transaction
from bench.capture_snapshot import measure as measure_snapshot
from bench.capture_stack import Stack, machine, running_stack
from bench.capture_stream import measure as measure_stream
from bench.capture_workloads import all_workloads

QUICK_SCALE = 0.1
STREAM_COLUMNS = {
    "log_mib": "log, MiB",
    "pg_recvlogical_per_second": "pg_recvlogical, changes/s",
    "capture_per_second": "capture, changes/s",
    "ratio": "ratio",
    "ratios": "of each run",
    "capture_memory_mib": "memory, MiB",
    "capture_cpu_seconds": "CPU s: capture",
    "clickhouse_cpu_seconds": "ClickHouse",
    "postgres_cpu_seconds": "PostgreSQL",
}


def stream(stack: Stack, scale: float, runs: int, only: str) -> list[dict[str, Any]]:
    """Each change set whose name has `only` in it."""
    chosen = [workload for workload in all_workloads(scale) if only in workload.name]
    return [asdict(measure_stream(stack, workload, runs)) for workload in chosen]


def snapshot(stack: Stack, scale: float, runs: int, _only: str) -> dict[str, Any]:
    """A million rows."""
    return asdict(measure_snapshot(stack, scale, runs))


def lag(stack: Stack, scale: float, _runs: int, _only: str) -> dict[str, Any]:
    """A minute of 2,500 rows a second, then half a minute of nothing."""
    return asdict(measure_lag(stack, scale))


def open_transaction(stack: Stack, scale: float, _runs: int, _only: str) -> dict[str, Any]:
    """2M rows that are long uncommitted."""
    return asdict(measure_open_transaction(stack, scale))


PARTS: dict[str, Any] = {
    "stream": stream,
    "snapshot": snapshot,
    "lag": lag,
    "open-transaction": open_transaction,
}


@click.command()
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True, help="Only this.")
@click.option("--only", default="", help="Only change sets with this in their name.")
@click.option("--quick", is_flag=True, help="A tenth of the rows: does it run at all?")
@click.option("--runs", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(parts: tuple[str, ...], only: str, quick: bool, runs: int, as_json: bool) -> None:
    """Measure capture, end to end."""
    found: dict[str, Any] = {"machine": machine()}
    with running_stack() as stack:
        for name in parts or PARTS:
            found[name] = PARTS[name](stack, QUICK_SCALE if quick else 1.0, runs, only)
    if as_json:
        click.echo(json.dumps(found))
        return
    _print(found)


def _print(found: dict[str, Any]) -> None:
    """Tables in Markdown, as RESULTS.md has them: change sets in rows, other parts line by line."""
    for name, result in found.items():
        if isinstance(result, list):
            click.echo(f"\n| {name} | " + " | ".join(STREAM_COLUMNS.values()) + " |")
            click.echo("| --- |" + " --- |" * len(STREAM_COLUMNS))
            for row in result:
                cells = [_cell(row[column]) for column in STREAM_COLUMNS]
                click.echo(f"| {row['workload']}: {row['note']} | " + " | ".join(cells) + " |")
        else:
            click.echo(f"\n| {name} | |\n| --- | --- |")
            for what, value in result.items():
                click.echo(f"| {what.replace('_', ' ')} | {_cell(value)} |")


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int | float) and value >= 10_000:
        return f"{round(value, -2 if value < 10**6 else -3):,.0f}"
    return str(value)


if __name__ == "__main__":
    main()
