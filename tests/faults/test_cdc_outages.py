"""A store goes away while changes go on: nothing is lost, and capture stays small meanwhile.

The wires are cut as a network is; what dies itself is in `test_cdc_crashes`.
"""

import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fix_capture import Capture
from fix_proxy import Wire
from fix_stack import wait_until

from stores.postgres.client import connect

MEMORY_BYTES = 300 << 20
OUTAGE_SECONDS = 6.0
CHANGED_BYTES = 50 << 20


@pytest.fixture
def notes(capture: Capture) -> Capture:
    """A table of some width, not yet followed."""
    capture.sql("CREATE TABLE notes (id int PRIMARY KEY, score int, said text)")
    capture.publish("notes")
    return capture


class Memory:
    """The most memory a process held while this was looking."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = psutil.Process(process.pid)
        self._stop = threading.Event()
        self.most_bytes = 0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)

    def _look(self) -> None:
        while not self._stop.wait(0.02):
            try:
                self.most_bytes = max(self.most_bytes, self._process.memory_info().rss)
            except psutil.Error:
                return


def test_clickhouse_away_under_writes_costs_bounded_memory_and_everything_drains(
    notes: Capture, clickhouse_wire: Wire, tmp_path: Path
) -> None:
    """50 MB of changes wait for 6 seconds, standing for 5 minutes of a platform's day."""
    log = tmp_path / "capture.log"
    process = notes.spawn(log, clickhouse_url=clickhouse_wire.url)
    try:
        notes.wait_state("notes", "streaming")
        with Memory(process) as memory:
            clickhouse_wire.down()
            ends = time.monotonic() + OUTAGE_SECONDS
            for part in range(6):
                notes.sql(
                    "INSERT INTO notes SELECT n, n, repeat(md5(n::text), 20) FROM"
                    f" generate_series({part * 10_000}, {part * 10_000 + 9_999}) n",
                    f"UPDATE notes SET score = -1 WHERE id % 5 = 0 AND id >= {part * 10_000}",
                    f"DELETE FROM notes WHERE id % 50 = 1 AND id >= {part * 10_000}",
                )
            wait_until(lambda: time.monotonic() > ends, 30, "the outage lasted")
            assert _waiting_bytes(notes) > CHANGED_BYTES
            assert process.poll() is None, log.read_text()[-3000:]
            clickhouse_wire.up()
            notes.settle(90)
        assert memory.most_bytes < MEMORY_BYTES, memory.most_bytes
        notes.assert_equal("notes")
    finally:
        process.kill()
        process.wait(10)
    assert "WARNING" in log.read_text()


def _waiting_bytes(capture: Capture) -> int:
    with connect(capture.options.source_url) as connection:
        row = connection.execute(
            b"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint"
            b" FROM pg_replication_slots WHERE slot_name = %s",
            [capture.options.slot],
        ).fetchone()
    assert row
    return int(row[0])


def test_a_network_that_drops_again_and_again_loses_and_doubles_nothing(
    notes: Capture, postgres_wire: Wire, clickhouse_wire: Wire
) -> None:
    writer_url = notes.options.source_url
    notes.options = replace(
        notes.options, source_url=postgres_wire.url, clickhouse_url=clickhouse_wire.url
    )
    notes.start()
    notes.wait_state("notes", "streaming")
    for turn, wire in enumerate((postgres_wire, clickhouse_wire) * 3):
        with connect(writer_url) as session:
            session.execute(
                b"INSERT INTO notes SELECT n, %s, 'x' FROM generate_series(%s::int, %s::int) n",
                [turn, turn * 1000, turn * 1000 + 999],
            )
            session.execute(b"UPDATE notes SET said = 'y' WHERE id %% 3 = %s", [turn % 3])
        if turn % 3 == 2:
            wire.down()
            time.sleep(0.3)
            wire.up()
        else:
            wire.cut()
    notes.settle(60)
    notes.assert_equal("notes")
    assert notes.rows("SELECT count() FROM oltp.notes") == [(6000,)]
