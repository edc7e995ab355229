"""The first reading of a table: capture's, and ClickHouse's own `postgresql()` function.

Belongs here: both, into tables of the same form on the same ClickHouse, in alternating order.
"""

import statistics
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bench.capture_stack import Capture, Stack, Used, say
from bench.capture_workloads import SEVEN_COLUMNS, SEVEN_VALUES, in_transactions, published
from stores.postgres.client import connect

ROWS = 1_000_000


@dataclass
class SnapshotResult:
    """Rows per second; ratios ours to theirs within a run. Highest memory of all runs."""

    row_count: int
    run_count: int
    insert_select_per_second: float
    capture_per_second: float
    ratio: float
    ratios: list[float]
    insert_select_clickhouse_memory_mib: float
    capture_memory_mib: float
    capture_clickhouse_memory_mib: float
    insert_select_clickhouse_cpu_seconds: float
    capture_cpu_seconds: float
    capture_clickhouse_cpu_seconds: float


def measure(stack: Stack, scale: float, runs: int) -> SnapshotResult:
    """Read one table `runs` times by each."""
    rows = int(ROWS * scale)
    say(f"snapshot of {rows:,} rows")
    url = stack.new_database("snapshot")
    captures = [
        Capture(stack, url, f"{stack.name_of(url)}_run_{number}") for number in range(runs + 1)
    ]
    try:
        with connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLE answers ({SEVEN_COLUMNS})".encode())
            connection.execute(published("answers").encode())
            # An empty table's capture, for a table of the same form to read into.
            captures[-1].drain()
            insert = f"INSERT INTO answers SELECT {SEVEN_VALUES} FROM generate_series(a, b) n"
            in_transactions(connection, insert, rows=rows, each=10_000)
            connection.execute("VACUUM (ANALYZE) answers")
        pairs = [
            _run(capture, captures[-1].slot, rows, is_first=number % 2 == 0)
            for number, capture in enumerate(captures[:-1])
        ]
    finally:
        for capture in captures:
            capture.forget()
        stack.drop_database(url)
    return _result(rows, pairs)


def _run(capture: Capture, model: str, rows: int, *, is_first: bool) -> tuple[Used, Used]:
    def theirs() -> Used:
        return _insert_select(capture.stack, capture.source_url, model, rows)

    if is_first:
        selected, captured = theirs(), capture.drain()
    else:
        captured, selected = capture.drain(), theirs()
    capture.verify()
    say(f"  INSERT SELECT {selected.seconds:.2f} s, capture {captured.seconds:.2f} s")
    return selected, captured


def _insert_select(stack: Stack, url: str, model: str, rows: int) -> Used:
    parts, client = urlsplit(url), stack.clickhouse
    client.command("DROP TABLE IF EXISTS `selected`.`answers` SYNC")
    client.command("CREATE DATABASE IF NOT EXISTS selected ENGINE = Atomic")
    client.command(f"CREATE TABLE selected.answers AS `{model}_log`.answers")
    used = Used(0, 0, 0)
    with stack.stores_used(used):
        began = time.perf_counter()
        client.command(
            "INSERT INTO selected.answers SELECT *, toUInt128(1), 0, map(), now64(3)"
            " FROM postgresql({host:String}, {database:String}, 'answers', {user:String},"
            " {password:String})",
            parameters={
                "host": f"{parts.hostname}:{parts.port}",
                "database": parts.path[1:],
                "user": parts.username,
                "password": unquote(parts.password or ""),
            },
        )
        used.seconds = time.perf_counter() - began
    found = int(str(client.command("SELECT count() FROM selected.answers")))
    assert found == rows, f"{found} rows arrived, not {rows}"
    return used


def _result(rows: int, pairs: list[tuple[Used, Used]]) -> SnapshotResult:
    ratios = [theirs.seconds / ours.seconds for theirs, ours in pairs]
    theirs, ours = zip(*pairs, strict=True)

    def median(values: list[float]) -> float:
        return round(statistics.median(values), 2)

    return SnapshotResult(
        row_count=rows,
        run_count=len(pairs),
        insert_select_per_second=round(median([rows / used.seconds for used in theirs])),
        capture_per_second=round(median([rows / used.seconds for used in ours])),
        ratio=median(ratios),
        ratios=[round(ratio, 2) for ratio in ratios],
        insert_select_clickhouse_memory_mib=max(used.clickhouse_memory_mib for used in theirs),
        capture_memory_mib=max(used.memory_mib for used in ours),
        capture_clickhouse_memory_mib=max(used.clickhouse_memory_mib for used in ours),
        insert_select_clickhouse_cpu_seconds=median(
            [used.clickhouse_cpu_seconds for used in theirs]
        ),
        capture_cpu_seconds=median([used.cpu_seconds for used in ours]),
        capture_clickhouse_cpu_seconds=median([used.clickhouse_cpu_seconds for used in ours]),
    )
