"""Change capture's figures for Prometheus: the same that `cdc status` shows.

Belongs here: their names, and serving them on this machine. They are read when somebody asks, so
that a capture nobody scrapes pays nothing.
"""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingestion.cdc.positions import parse_lsn
from ingestion.cdc.state import State
from ingestion.cdc.status import CaptureStatus, TableStatus
from ingestion.cdc.watch import Watch
from stores.errors import StateConflict

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
PREFIX = "interview_data_capture"
_TRIES = 200
_STATES = [state for state in get_args(State) if state != "removed"]


class CaptureCollector(Collector):
    """Asks `watch` at each scrape. Labels are the slot, and table names and states: bounded."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def describe(self) -> Iterator[Metric]:
        """Nothing: whoever registers this must not wait for the stores."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Every figure that is known; what could not be asked is left out."""
        found = self._watch.status()
        yield from _capture_metrics(found)
        yield from _table_metrics(found)
        beats = CounterMetricFamily(
            f"{PREFIX}_heartbeats", "Messages written into an idle source's log.", labels=["slot"]
        )
        beats.add_metric([found.slot_name], self._watch.heartbeat.sent_count)
        yield beats


def _capture_metrics(found: CaptureStatus) -> Iterator[Metric]:
    slot = found.slot
    figures: dict[str, tuple[str, float | None]] = {
        "lag_bytes": ("Log that is not stored yet.", found.lag_bytes),
        "lag_seconds": ("Age of the newest change readers see, at most.", found.lag_seconds),
        "applied_lsn": (
            "Log position up to which everything is stored.",
            parse_lsn(found.applied_lsn) if found.applied_lsn else None,
        ),
        "applied_timestamp_seconds": (
            "When that was noted.",
            found.applied_at.timestamp() if found.applied_at else None,
        ),
        "slot_is_read": (
            "Whether a capture reads the slot.",
            float(slot.is_read) if slot else None,
        ),
        "slot_is_lost": (
            "Whether PostgreSQL threw the slot's log away.",
            float(slot.wal_status == "lost") if slot else None,
        ),
        "slot_retained_bytes": ("Log kept at the source.", slot.retained_bytes if slot else None),
        "slot_room_bytes": (
            "Log that may still be written before the slot is lost; absent without a limit.",
            slot.room_bytes if slot else None,
        ),
        "source_spilled_bytes": (
            "What decoding has put on the source's disk.",
            slot.source_spilled_bytes if slot else None,
        ),
        "spilled_bytes": ("Large open transactions on this machine's disk.", found.spilled_bytes),
        "source_is_up": ("Whether PostgreSQL answers.", float(found.source_problem is None)),
        "target_is_up": ("Whether ClickHouse answers.", float(found.target_problem is None)),
        "alerts": ("Alerts that `cdc status` shows.", len(found.alerts)),
    }
    for name, (meaning, value) in figures.items():
        if value is not None:
            gauge = GaugeMetricFamily(f"{PREFIX}_{name}", meaning, labels=["slot"])
            gauge.add_metric([found.slot_name], value)
            yield gauge


def _table_metrics(found: CaptureStatus) -> Iterator[Metric]:
    tables = [table for table in found.tables if table.state in _STATES]
    states = GaugeMetricFamily(
        f"{PREFIX}_table_state", "1 for the state a table is in.", labels=["slot", "table", "state"]
    )
    rows = CounterMetricFamily(
        f"{PREFIX}_table_rows_applied", "Changes stored.", labels=["slot", "table"]
    )
    for table in tables:
        rows.add_metric([found.slot_name, table.table], table.rows_applied)
        for state in _STATES:
            labels = [found.slot_name, table.table, state]
            states.add_metric(labels, float(table.state == state))
    yield states
    yield rows
    yield from _table_gauges(found.slot_name, tables)


def _table_gauges(slot: str, tables: list[TableStatus]) -> Iterator[Metric]:
    figures = {
        "snapshot_rows": "Rows read by the last snapshot.",
        "snapshot_share": "How much of a running snapshot is read, 0 to 1.",
        "last_lsn": "Log position of the last change stored.",
        "last_commit_timestamp_seconds": "When that was committed.",
    }
    for name, meaning in figures.items():
        gauge = GaugeMetricFamily(f"{PREFIX}_table_{name}", meaning, labels=["slot", "table"])
        for table in tables:
            value = _figure(table, name)
            if value is not None:
                gauge.add_metric([slot, table.table], value)
        yield gauge


def _figure(table: TableStatus, name: str) -> float | None:
    if name == "last_lsn":
        return parse_lsn(table.last_lsn) if table.last_lsn else None
    if name == "last_commit_timestamp_seconds":
        return table.last_commit_at.timestamp() if table.last_commit_at else None
    value: float | None = getattr(table, name)
    return value


@contextmanager
def served(watch: Watch, port: int) -> Iterator[str]:
    """Answers under the yielded address as long as the block runs; the next free port if taken.

    Raises StateConflict where none of the next ports is free.
    """
    registry = CollectorRegistry()
    registry.register(CaptureCollector(watch))
    ProcessCollector(namespace=PREFIX, registry=registry)
    for candidate in range(port, min(port + _TRIES, 65536)):
        try:
            server, thread = start_http_server(candidate, addr=HOST, registry=registry)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        address = f"http://{HOST}:{candidate}/metrics"
        logger.info("metrics are at %s", address)
        try:
            yield address
        finally:
            server.shutdown()
            server.server_close()
            thread.join(timeout=5)
        return
    raise StateConflict(
        f"no free port between {port} and {port + _TRIES} on {HOST} for capture's metrics;"
        " set CAPTURE_METRICS_PORT"
    )
