"""From commit to visible, while capture follows.

Belongs here: writing at a steady rate, looking for what has arrived, and what it cost. A row's lag
runs from the moment before its COMMIT is sent to the first look at the view that finds it; looks
follow each other by `look_ms`, so half of that is added to every lag on average.
"""

import statistics
import threading
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import click
import psutil

from bench.capture_stack import Capture, Stack, say
from bench.capture_workloads import SEVEN_COLUMNS, SEVEN_VALUES, published
from stores.postgres.client import connect

ROWS_PER_SECOND = 2500
ROWS_PER_TRANSACTION = 50
STEADY_SECONDS = 60.0
WARM_UP_SECONDS = 3.0
IDLE_SECONDS = 30.0
SETTLE_SECONDS = 5.0
LOOK_SECONDS = 0.015
LARGE_ROWS = 2_000_000
TIMEOUT_SECONDS = 120


@dataclass
class LagResult:
    """Percentiles over rows. CPU is of one core, while writing and while nothing happens."""

    row_count: int
    rows_per_second: float
    lag_ms_p50: float
    lag_ms_p95: float
    lag_ms_p99: float
    lag_ms_max: float
    look_ms: float
    capture_cpu_percent: float
    clickhouse_cpu_percent: float
    capture_memory_mib: float
    idle_capture_cpu_percent: float
    idle_clickhouse_cpu_percent: float


@dataclass
class OpenTransactionResult:
    """One transaction of many rows, followed as it is written."""

    row_count: int
    open_seconds: float
    visible_before_commit: int
    seconds_from_commit_to_last_row: float
    capture_memory_mib: float
    clickhouse_memory_mib: float


@dataclass
class Writer(threading.Thread):
    """Commits rows at a steady rate, numbered from after `before`; remembers when."""

    url: str
    seconds: float
    before: int = 0
    commits: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Until time is up."""
        pause = ROWS_PER_TRANSACTION / ROWS_PER_SECOND
        values = SEVEN_VALUES.replace("%", "%%")
        insert = (
            f"INSERT INTO answers SELECT {values} FROM generate_series(%s::bigint, %s::bigint) n"
        )
        with connect(self.url) as connection:
            due = time.perf_counter()
            for number in range(round(self.seconds / pause)):
                time.sleep(max(0.0, due - time.perf_counter()))
                due += pause
                first = self.before + number * ROWS_PER_TRANSACTION + 1
                last = first + ROWS_PER_TRANSACTION - 1
                connection.execute(insert.encode(), [first, last])
                moment = time.perf_counter()
                connection.commit()
                self.commits.append((moment, last))


class Meter:
    """CPU of a process between two moments, and its highest resident size."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._cpu, self._moment = self._used(), time.perf_counter()

    def _used(self) -> float:
        return float(sum(self._process.cpu_times()[:2]))

    def percent(self) -> float:
        """Of one core, since it was made."""
        share = (self._used() - self._cpu) / (time.perf_counter() - self._moment)
        return round(share * 100, 1)

    def highest_mib(self) -> float:
        """Resident memory, the most there has been in its life."""
        with Path(f"/proc/{self._process.pid}/status").open() as status:
            line = next(line for line in status if line.startswith("VmHWM"))
        return round(int(line.split()[1]) / 1024, 1)


def measure(stack: Stack, scale: float) -> LagResult:
    """Steady writing, then none."""
    seconds = max(5.0, STEADY_SECONDS * scale)
    idle_seconds = IDLE_SECONDS * scale
    say(f"lag: {ROWS_PER_SECOND:,} rows/s for {seconds:.0f} s, then {idle_seconds:.0f} s idle")
    capture = _empty_table(stack, "lag")
    try:
        with capture.following() as process:
            meters = [Meter(process), Meter(stack.clickhouse_process)]
            writer = Writer(capture.source_url, seconds + WARM_UP_SECONDS)
            writer.start()
            looks = _look(capture, writer)
            busy = [meter.percent() for meter in meters]
            time.sleep(SETTLE_SECONDS)
            meters = [Meter(process), Meter(stack.clickhouse_process)]
            time.sleep(idle_seconds)
            idle = [meter.percent() for meter in meters]
            memory = meters[0].highest_mib()
        capture.verify()
    finally:
        capture.forget()
        stack.drop_database(capture.source_url)
    return _result(writer, looks, busy, idle, memory)


def _empty_table(stack: Stack, name: str) -> Capture:
    """A capture whose snapshot, of no rows, is done."""
    url = stack.new_database(name)
    with connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE answers ({SEVEN_COLUMNS})".encode())
        connection.execute(published("answers").encode())
    capture = Capture(stack, url, stack.name_of(url))
    capture.drain()
    return capture


def _look(capture: Capture, writer: Writer) -> list[tuple[float, int]]:
    """When which row was the last to be seen, until the writer's last one is."""
    query = f"SELECT max(id) FROM `{capture.slot}`.answers WHERE id > {{seen:Int64}}"
    looks: list[tuple[float, int]] = []
    seen, deadline = 0, time.perf_counter() + writer.seconds + TIMEOUT_SECONDS
    while writer.is_alive() or seen < writer.commits[-1][1]:
        found = capture.stack.clickhouse.query(query, parameters={"seen": seen}).result_rows
        seen = max(seen, int(found[0][0] or 0))
        looks.append((time.perf_counter(), seen))
        if time.perf_counter() > deadline:
            raise click.ClickException(f"{seen} rows of {writer.commits[-1][1]} arrived")
        time.sleep(LOOK_SECONDS)
    return looks


def _result(
    writer: Writer,
    looks: list[tuple[float, int]],
    busy: list[float],
    idle: list[float],
    memory: float,
) -> LagResult:
    begin = writer.commits[0][0] + WARM_UP_SECONDS
    counted = [commit for commit in writer.commits if commit[0] >= begin]
    seen = [last for _, last in looks]
    lags = sorted(looks[bisect_left(seen, last)][0] - moment for moment, last in counted)
    steps = [after[0] - before[0] for before, after in pairwise(looks)]

    def percentile(share: float) -> float:
        return round(lags[min(len(lags) - 1, int(len(lags) * share))] * 1000, 1)

    rows = len(counted) * ROWS_PER_TRANSACTION
    return LagResult(
        row_count=rows,
        rows_per_second=round(rows / (counted[-1][0] - counted[0][0])),
        lag_ms_p50=percentile(0.5),
        lag_ms_p95=percentile(0.95),
        lag_ms_p99=percentile(0.99),
        lag_ms_max=percentile(1.0),
        look_ms=round(statistics.median(steps) * 1000, 1),
        capture_cpu_percent=busy[0],
        clickhouse_cpu_percent=busy[1],
        capture_memory_mib=memory,
        idle_capture_cpu_percent=idle[0],
        idle_clickhouse_cpu_percent=idle[1],
    )


def measure_open_transaction(stack: Stack, scale: float) -> OpenTransactionResult:
    """Nothing of it may be seen before its commit; memory stays bounded."""
    rows = int(LARGE_ROWS * scale)
    say(f"one open transaction of {rows:,} rows")
    capture = _empty_table(stack, "open")
    query = f"SELECT count() FROM `{capture.slot}`.answers"

    def visible() -> int:
        return int(capture.stack.clickhouse.query(query).result_rows[0][0])

    try:
        with capture.following() as process, connect(capture.source_url) as connection:
            meters = [Meter(process), Meter(stack.clickhouse_process)]
            began, early = time.perf_counter(), 0
            for part in range(20):
                first, last = rows * part // 20 + 1, rows * (part + 1) // 20
                connection.execute(
                    f"INSERT INTO answers SELECT {SEVEN_VALUES}"
                    f" FROM generate_series({first}, {last}) n".encode()
                )
                early = max(early, visible())
            committed = time.perf_counter()
            connection.commit()
            while visible() < rows:
                if time.perf_counter() - committed > TIMEOUT_SECONDS:
                    raise click.ClickException(f"{visible()} rows of {rows} arrived")
                time.sleep(0.1)
            ended = time.perf_counter()
            memory = [meter.highest_mib() for meter in meters]
        capture.verify()
    finally:
        capture.forget()
        stack.drop_database(capture.source_url)
    return OpenTransactionResult(
        row_count=rows,
        open_seconds=round(committed - began, 1),
        visible_before_commit=early,
        seconds_from_commit_to_last_row=round(ended - committed, 1),
        capture_memory_mib=memory[0],
        clickhouse_memory_mib=memory[1],
    )
