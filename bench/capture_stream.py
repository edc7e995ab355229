"""Draining a waiting slot: `pg_recvlogical` to /dev/null, and capture into ClickHouse.

Belongs here: the slots, the order of the runs, medians and ratios. Every run of a workload
drains the same changes, written once, each run through slots of its own.
"""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from bench.capture_stack import PUBLICATION as PUBLICATION_NAME
from bench.capture_stack import (
    Capture,
    Stack,
    Used,
    drain_by_pg_recvlogical,
    run_sql,
    say,
)
from bench.capture_workloads import Workload
from ingestion.cdc.positions import format_lsn, parse_lsn
from stores.postgres.client import Connection, connect

# The same as capture asks for, so that the server does the same work for both.
RECEIVE_OPTIONS = {
    "proto_version": "2",
    "streaming": "on",
    "publication_names": PUBLICATION_NAME,
}


@dataclass
class StreamResult:
    """One workload; rates are changes per second, ratios ours to theirs within a run."""

    workload: str
    note: str
    change_count: int
    log_mib: float
    run_count: int
    pg_recvlogical_per_second: float
    capture_per_second: float
    ratio: float
    ratios: list[float]
    pg_recvlogical_cpu_seconds: float
    capture_cpu_seconds: float
    capture_memory_mib: float
    clickhouse_cpu_seconds: float
    postgres_cpu_seconds: float
    clickhouse_memory_mib: float


def measure(stack: Stack, workload: Workload, runs: int) -> StreamResult:
    """Write the changes once, drain them `runs` times by each."""
    say(f"stream: {workload.name}: {workload.note}")
    runs = min(runs, workload.run_count)
    url = stack.new_database("stream")
    captures = [Capture(stack, url, f"{stack.name_of(url)}_run_{number}") for number in range(runs)]
    try:
        with connect(url, autocommit=True) as connection:
            workload.prepare(connection)
            for capture in captures:
                capture.drain()
                run_sql(
                    connection,
                    "SELECT pg_create_logical_replication_slot"
                    f"('{_received(capture)}', 'pgoutput')",
                )
            started = _lsn(connection)
            count = workload.write(connection)
            ended = _lsn(connection)
            run_sql(connection, "CHECKPOINT")
        pairs = [
            _run(capture, format_lsn(ended), is_first=number % 2 == 0)
            for number, capture in enumerate(captures)
        ]
    finally:
        for capture in captures:
            capture.forget()
        stack.drop_database(url)
    return _result(workload, count, ended - started, pairs)


def _lsn(connection: Connection) -> int:
    """Where the log ends, all of it on disk."""
    run_sql(connection, "SET synchronous_commit = on", "SELECT txid_current()")
    row = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
    assert row
    return parse_lsn(str(row[0]))


def _received(capture: Capture) -> str:
    return f"received_{capture.slot}"


def _run(capture: Capture, end: str, *, is_first: bool) -> tuple[Used, Used]:
    """Theirs and ours, in this order or the other."""

    def theirs() -> Used:
        slot = _received(capture)
        return drain_by_pg_recvlogical(
            capture.stack, capture.source_url, slot, end, RECEIVE_OPTIONS
        )

    if is_first:
        received, captured = theirs(), capture.drain()
    else:
        captured, received = capture.drain(), theirs()
    capture.verify()
    say(f"  pg_recvlogical {received.seconds:.2f} s, capture {captured.seconds:.2f} s")
    return received, captured


def _result(
    workload: Workload, count: int, log_bytes: int, pairs: list[tuple[Used, Used]]
) -> StreamResult:
    ratios = [theirs.seconds / ours.seconds for theirs, ours in pairs]
    return StreamResult(
        workload=workload.name,
        note=workload.note,
        change_count=count,
        log_mib=round(log_bytes / (1 << 20), 1),
        run_count=len(pairs),
        pg_recvlogical_per_second=round(_median(count / theirs.seconds for theirs, _ in pairs)),
        capture_per_second=round(_median(count / ours.seconds for _, ours in pairs)),
        ratio=round(_median(ratios), 2),
        ratios=[round(ratio, 2) for ratio in ratios],
        pg_recvlogical_cpu_seconds=_median(theirs.cpu_seconds for theirs, _ in pairs),
        capture_cpu_seconds=_median(ours.cpu_seconds for _, ours in pairs),
        capture_memory_mib=max(ours.memory_mib for _, ours in pairs),
        clickhouse_cpu_seconds=_median(ours.clickhouse_cpu_seconds for _, ours in pairs),
        postgres_cpu_seconds=_median(ours.postgres_cpu_seconds for _, ours in pairs),
        clickhouse_memory_mib=max(ours.clickhouse_memory_mib for _, ours in pairs),
    )


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 2)
