"""Transactions too large to wait for: PostgreSQL sends them while they are open, capture keeps
them aside, and readers see them only when they have committed.

The source is told to send early (64 kB), so that small transactions do what large ones would.
"""

import dataclasses
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from fix_capture import Capture
from fix_stack import wait_until

from ingestion.cdc import spill
from ingestion.cdc.apply import Applier
from ingestion.cdc.run import follow
from ingestion.cdc.spill import OpenTransaction, OpenTransactions
from stores.errors import CaptureStopped
from stores.postgres.client import connect
from stores.settings import REPOSITORY

ROWS = 4000
MOST_MEMORY_KB = 200 * 1024


class Killed(BaseException):
    """Stands for kill -9: no handler of ours may catch it."""


@pytest.fixture
def early(capture: Capture) -> Capture:
    """Three tables, streaming, from a source that sends open transactions early."""
    database = capture.options.source_url.rsplit("/", 1)[1]
    capture.sql(f"ALTER DATABASE {database} SET logical_decoding_work_mem = '64kB'")
    for table in ("big", "other", "small"):
        capture.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, name text)")
    capture.publish("big", "other", "small")
    capture.settle()
    return capture


def _fill(table: str, first: int = 1) -> bytes:
    numbers = f"generate_series({first}, {first + ROWS - 1})"
    return f"INSERT INTO {table} SELECT n, repeat('x', 100) FROM {numbers} n".encode()


def _count(capture: Capture, table: str) -> int:
    return int(capture.rows(f"SELECT count() FROM oltp.{table}")[0][0])


def _streamed_bytes(capture: Capture) -> int:
    with connect(capture.options.source_url) as connection:
        row = connection.execute(
            "SELECT pg_stat_force_next_flush(), stream_bytes FROM pg_stat_replication_slots"
            " WHERE slot_name = %s",
            [capture.options.slot],
        ).fetchone()
    return int(row[1]) if row else 0


def _confirmed(capture: Capture, lsn: str) -> bool:
    with connect(capture.options.source_url) as connection:
        row = connection.execute(
            "SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots"
            " WHERE slot_name = %s",
            [lsn, capture.options.slot],
        ).fetchone()
    return bool(row and row[0])


def _now(capture: Capture) -> str:
    with connect(capture.options.source_url) as connection:
        row = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert row
    return str(row[0])


def _spilled(capture: Capture) -> list[Path]:
    folder = capture.options.spill_folder
    assert folder
    return list(folder.glob(f"{capture.options.slot}-*/*.messages"))


def test_an_open_transaction_waits_aside_while_others_are_written_and_confirmed(
    early: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "MEMORY_BYTES", 100_000)
    early.start()
    with connect(early.options.source_url) as one, connect(early.options.source_url) as two:
        one.execute(_fill("big"))
        two.execute(_fill("other"))
        wait_until(lambda: len(_spilled(early)) == 2, 20, "both transactions are kept aside")
        assert all(file.parent.stat().st_mode & 0o077 == 0 for file in _spilled(early))
        early.sql("INSERT INTO small VALUES (1, 'seen')")
        passed = _now(early)
        wait_until(lambda: _count(early, "small"), 10, "others go on")
        wait_until(lambda: _confirmed(early, passed), 10, "the log is let go")
        for savepoint, is_kept in (("a", False), ("b", True)):
            one.execute(f"SAVEPOINT {savepoint}".encode())
            one.execute(_fill("big", 100_000 if is_kept else 200_000))
            one.execute(b"UPDATE big SET name = 'changed' WHERE id % 2 = 0")
            if not is_kept:
                one.execute(f"ROLLBACK TO SAVEPOINT {savepoint}".encode())
        one.execute(b"UPDATE big SET id = id + 1000000 WHERE id % 5 = 0")
        one.execute(b"DELETE FROM big WHERE id % 7 = 0")
        before = _streamed_bytes(early)
        wait_until(lambda: _streamed_bytes(early) > before or before > 1_000_000, 20, "all is sent")
        assert (_count(early, "big"), _count(early, "other")) == (0, 0)
        two.rollback()
        one.commit()
    early.settle()
    early.assert_equal("big", "other", "small")
    assert _count(early, "big") > ROWS
    assert _count(early, "other") == 0
    wait_until(lambda: not _spilled(early), 10, "nothing is left aside")
    assert _streamed_bytes(early) > 0


def test_killed_while_a_transaction_is_kept_aside_and_while_it_is_taken_from_there(
    early: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion.cdc import capture as loop

    def die(*_: object) -> None:
        raise Killed

    early.transaction(
        _fill("big").decode(),
        "SAVEPOINT s",
        "UPDATE big SET name = 'gone'",
        "ROLLBACK TO SAVEPOINT s",
        "UPDATE big SET name = 'changed' WHERE id % 3 = 0",
        "INSERT INTO other SELECT id, name FROM big",
    )
    with monkeypatch.context() as patched:
        patched.setattr(spill, "MEMORY_BYTES", 100_000)
        patched.setattr(OpenTransaction, "write_out", die)
        with pytest.raises(Killed):
            early.settle()
    send, sizes = Applier._send, []

    def die_at_the_third(applier: Applier, step: Any, *rest: Any) -> None:
        sizes.append(step.row_count)
        if len(sizes) == 3:
            raise Killed
        send(applier, step, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(spill, "MEMORY_BYTES", 100_000)
        patched.setattr(spill, "PIECE_BYTES", 50_000)
        patched.setattr(loop, "MAX_BATCH_ROWS", 500)
        patched.setattr(Applier, "_send", die_at_the_third)
        with pytest.raises(Killed):
            early.settle()
    assert sizes
    assert max(sizes) < ROWS
    # This time it comes whole, after its commit, and its rows have the same versions.
    database = early.options.source_url.rsplit("/", 1)[1]
    early.sql(f"ALTER DATABASE {database} SET logical_decoding_work_mem = '64MB'")
    early.settle()
    early.assert_equal("big", "other")
    for table, changes in (("big", ROWS + ROWS // 3), ("other", ROWS)):
        counted = early.rows(
            f"SELECT count(), uniqExact(_version) FROM oltp_log.{table} WHERE _version >"
            " bitShiftLeft(toUInt128(1), 64)"
        )[0]
        assert counted[0] == counted[1] <= changes


def test_a_place_that_takes_no_open_transactions_stops_capture_and_names_the_way_out(
    early: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OpenTransaction(Path("/dev/full"))
    full.append(b"x" * 100_000)
    with pytest.raises(CaptureStopped, match=r"No space left.*CAPTURE_SPILL_FOLDER"):
        full.write_out()
    monkeypatch.setattr(spill, "MEMORY_BYTES", 100_000)
    (tmp_path / "taken").write_text("a file where the folder should be")
    wrong = dataclasses.replace(early.options, spill_folder=tmp_path / "taken")
    early.transaction(_fill("big").decode())
    with pytest.raises(CaptureStopped, match="CAPTURE_SPILL_FOLDER"):
        follow(wrong, threading.Event())
    assert _count(early, "big") == 0
    early.settle()
    early.assert_equal("big")


def test_what_a_killed_predecessor_kept_aside_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "slot"
    folder.mkdir()
    (folder / "7.messages").write_bytes(b"old")
    OpenTransactions(folder)
    assert not folder.exists()


def test_memory_stays_bounded_in_a_transaction_of_many_rows(early: Capture) -> None:
    early.transaction(
        "INSERT INTO big SELECT n, md5(n::text) || repeat('x', 200)"
        " FROM generate_series(1, 400000) n"
    )
    options = dataclasses.asdict(early.options)
    program = (
        "import sys; from pathlib import Path; from ingestion.cdc.capture import Options;"
        "from ingestion.cdc.run import drain;"
        f"options = {options | {'spill_folder': None}!r};"
        f"options['spill_folder'] = Path({str(early.options.spill_folder)!r});"
        "drain(120, Options(**options));"
        "print(Path('/proc/self/status').read_text())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=150, check=True,
    )  # fmt: skip
    found = re.search(r"VmHWM:\s+(\d+) kB", ended.stdout)
    assert found
    assert int(found[1]) < MOST_MEMORY_KB
    assert _count(early, "big") == 400_000
