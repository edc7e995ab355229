"""A large table is read while others write to it and while the reader is killed.

Belongs here: what needs many rows. The small cases are in `tests/integration/test_cdc_cases.py`.
"""

import random
import threading
import time
from pathlib import Path

from fix_capture import Capture
from fix_stack import wait_until

from ingestion.cdc.state import StateStore
from stores.postgres.client import Error, connect

SEED = 20261123
ROW_COUNT = 1_000_000
SUMS = "count(*), sum(id), sum(score), sum(length(name))"


class Writers:
    """Two sessions that insert, update, move and delete rows all over the table until stopped."""

    def __init__(self, url: str) -> None:
        self._url, self._stop = url, threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(2)
        ]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def _run(self, number: int) -> None:
        chance = random.Random(SEED + number)
        fresh = ROW_COUNT * (number + 2)
        with connect(self._url, autocommit=True) as connection:
            while not self._stop.wait(0.002):
                key, fresh = chance.randrange(ROW_COUNT), fresh + 3
                statement = chance.choice(
                    (
                        f"INSERT INTO big SELECT n, 'new', 1"
                        f" FROM generate_series({fresh}, {fresh} + 2) n",
                        f"UPDATE big SET score = score + 1 WHERE id BETWEEN {key} AND {key} + 5",
                        f"UPDATE big SET id = {fresh}, name = 'moved' WHERE id = {key}",
                        f"DELETE FROM big WHERE id BETWEEN {key} AND {key} + 2",
                    )
                )
                try:
                    connection.execute(statement.encode())
                except Error:
                    continue


def test_a_million_rows_read_under_writes_by_a_reader_that_is_killed_miss_and_double_none(
    capture: Capture, tmp_path: Path
) -> None:
    capture.sql(
        # Pages that are mostly empty: the table is read in many pieces, and killed between two.
        "CREATE TABLE big (id int PRIMARY KEY, name text, score int) WITH (fillfactor = 20)",
        f"INSERT INTO big SELECT n, 'row ' || n, n % 100 FROM generate_series(1, {ROW_COUNT}) n",
        "CREATE TABLE small (id int PRIMARY KEY)",
    )
    capture.publish("big", "small")
    log = tmp_path / "capture.log"
    store = StateStore(capture.clickhouse, capture.options.slot)

    def read_blocks() -> int:
        found = [table for table in store.tables() if table.target == "big"]
        return found[0].snapshot_next_block if found else 0

    with Writers(capture.options.source_url):
        process = capture.spawn(log)
        try:
            wait_until(read_blocks, 60, "a part of the table is read")
            process.kill()
            process.wait(10)
            begun = read_blocks()
            assert capture.table("big").state == "snapshotting"
            process = capture.spawn(log)
            deadline = time.monotonic() + 90
            while capture.table("big").state != "streaming":
                assert read_blocks() >= begun, "it starts over"
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        finally:
            process.kill()
            process.wait(10)
    capture.settle(60)
    capture.assert_equal("big", "small")
    with connect(capture.options.source_url) as connection:
        wanted = connection.execute(f"SELECT {SUMS} FROM big".encode()).fetchall()
    assert capture.rows(f"SELECT {SUMS} FROM oltp.big") == [tuple(map(int, wanted[0]))]
    assert capture.rows("SELECT count() - uniqExact(id) FROM oltp.big") == [(0,)]
