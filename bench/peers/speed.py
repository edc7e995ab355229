"""Speed, lag and memory of each peer, over the same changes.

Speed: the peer is stopped, 650,000 changes are written, it is started; the clock runs from its
start to the last change's arrival, less what the same start takes with nothing waiting. Lag: as
`bench.capture_lag` measures it.
"""

import time
from bisect import bisect_left
from dataclasses import dataclass

from bench.capture_lag import WARM_UP_SECONDS, Writer
from bench.capture_stack import Stack, run_sql, say
from bench.capture_workloads import SEVEN_COLUMNS, seven_columns
from bench.peers.debezium import Debezium
from bench.peers.peer import Peer, wait_for
from bench.peers.run import Run, Wrong
from stores.postgres.client import connect

LAG_SECONDS = 20.0
ROWS_ONCE_SECONDS = 300.0
LOOK_SECONDS = 0.015


@dataclass
class Speed:
    """What one peer did. `problem` says what kept it from being measured."""

    peer: str
    change_count: int
    changes_per_second: float | None
    start_up_seconds: float
    memory_mib: float
    lag_ms_p50: float | None
    lag_ms_p95: float | None
    lag_ms_p99: float | None
    problem: str = ""


def measure(stack: Stack, peer: Peer, scale: float) -> Speed:
    """A backlog, then a steady stream."""
    say(f"{peer.name}: speed")
    url = stack.new_database("speed")
    run = Run(stack, peer, url)
    found = Speed(peer.name, 0, None, 0, 0, None, None, None)
    try:
        run.table(f"answers ({SEVEN_COLUMNS})")
        run.begin()
        _backlog(run, scale, found)
        found.memory_mib = peer.memory_mib()
        lags = _lags(run, max(5.0, LAG_SECONDS * scale))
        found.lag_ms_p50, found.lag_ms_p95, found.lag_ms_p99 = (
            round(lags[int(len(lags) * share)] * 1000, 1) for share in (0.5, 0.95, 0.99)
        )
    except Wrong as error:
        found.problem = str(error)
    finally:
        peer.close()
        stack.drop_database(url)
    return found


def _backlog(run: Run, scale: float, found: Speed) -> None:
    peer = run.peer
    peer.stop()
    found.start_up_seconds = round(_start(run, 1), 2)
    peer.stop()
    with connect(run.source_url, autocommit=True) as connection:
        found.change_count = seven_columns(scale).write(connection)
        run_sql(connection, "CHECKPOINT")
    seconds = _start(run, 2) - found.start_up_seconds
    found.changes_per_second = round(found.change_count / seconds)
    say(f"  {found.change_count:,} changes in {seconds:.1f} s")
    if differs := run.differs("answers"):
        raise Wrong(differs)


def _start(run: Run, marker: int) -> float:
    """Seconds from its start until the marker, written before, has come."""
    run.sql(f"INSERT INTO marker VALUES ({marker})")
    began = time.perf_counter()
    run.peer.start()
    if not wait_for(lambda: run.peer.has_marker(marker), ROWS_ONCE_SECONDS):
        raise Wrong(f"not there after {ROWS_ONCE_SECONDS:.0f} s: {run.peer.complaint()}")
    return time.perf_counter() - began


def _lags(run: Run, seconds: float) -> list[float]:
    """Seconds from commit to visible, of every transaction."""
    # The backlog's rows have gone or have low numbers; these come after all of them.
    first = 10_000_000
    writer = Writer(run.source_url, seconds + WARM_UP_SECONDS, first)
    offset = time.time() - time.perf_counter()
    writer.start()
    looks: list[tuple[float, int]] = []
    if isinstance(run.peer, Debezium):
        writer.join()
        last = writer.commits[-1][1]
        wait_for(lambda: run.peer.count("answers", f"id = {last}") > 0, 60)
        looks = [(at - offset, number) for at, number in run.peer.arrivals() if number > first]
    else:
        looks = _look(run.peer, writer, first)
    begin = writer.commits[0][0] + WARM_UP_SECONDS
    seen = [number for _, number in looks]
    if not seen or seen[-1] < writer.commits[-1][1]:
        raise Wrong("the steady stream did not arrive")
    return sorted(
        looks[bisect_left(seen, number)][0] - moment
        for moment, number in writer.commits
        if moment >= begin
    )


def _look(peer: Peer, writer: Writer, first: int) -> list[tuple[float, int]]:
    """When how many of the writer's rows were there; they come in order."""
    looks: list[tuple[float, int]] = []
    seen, deadline = first, time.monotonic() + writer.seconds + 60
    while time.monotonic() < deadline and (
        writer.is_alive() or not writer.commits or seen < writer.commits[-1][1]
    ):
        seen += peer.count("answers", f"id > {seen}")
        looks.append((time.perf_counter(), seen))
        time.sleep(LOOK_SECONDS)
    return looks
