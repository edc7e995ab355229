"""The first reading of a table: its chunks, what goes wrong in them, and what is read twice."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from fix_capture import Capture
from fix_stack import wait_until

from ingestion.cdc import snapshot
from ingestion.cdc.control import ask_for_resync
from ingestion.cdc.run import follow
from ingestion.cdc.source import SourceDatabase
from stores.clickhouse.client import Error as ClickHouseError
from stores.postgres.client import connect as connect_postgres
from stores.postgres.copy import copy_out

ROWS = "INSERT INTO big SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 3000) n"


@pytest.fixture
def big(capture: Capture) -> Capture:
    capture.sql("CREATE TABLE big (id int PRIMARY KEY, name text)", ROWS)
    capture.publish("big")
    return capture


def _no_row_twice(capture: Capture) -> None:
    counts = capture.rows("SELECT count(), uniqExact(id) FROM oltp_log.big")
    assert counts[0][0] == counts[0][1]


def test_a_chunk_whose_answer_was_lost_is_repeated_without_effect(
    big: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MAX_CHUNK_BLOCKS", 40)
    send, lost = snapshot.Snapshotter._send, []

    def lose_two_answers(self: Any, chunk: Any, body: Any) -> None:
        send(self, chunk, body)
        if chunk.first in (40, 120) and chunk.first not in lost:
            lost.append(chunk.first)
            raise ClickHouseError("the connection was reset")

    monkeypatch.setattr(snapshot.Snapshotter, "_send", lose_two_answers)
    big.settle()
    assert sorted(lost) == [40, 120]
    big.assert_equal("big")
    _no_row_twice(big)


def test_a_copy_that_breaks_off_is_read_again(
    big: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MAX_CHUNK_BLOCKS", 100)
    body, killed = snapshot._body, []

    def cut(statement: str, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
        for number, piece in enumerate(body(statement, first, rest)):
            if number == 2 and len(killed) < 2:
                killed.append(1)
                big.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND query LIKE 'COPY%'"
                )
            yield piece

    monkeypatch.setattr(snapshot, "_body", cut)
    big.settle()
    assert len(killed) == 2
    big.assert_equal("big")
    _no_row_twice(big)


def test_a_chunk_that_is_larger_than_it_should_be_is_read_in_smaller_ones(
    big: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MAX_SENT_BYTES", 1 << 19)
    read: list[int] = []
    copy = snapshot.Snapshotter._copy

    def remember(self: Any, chunk: Any) -> Any:
        read.append(chunk.last - chunk.first)
        return copy(self, chunk)

    monkeypatch.setattr(snapshot.Snapshotter, "_copy", remember)
    monkeypatch.setattr(snapshot, "CHUNK_BYTES", 1 << 21)
    big.settle()
    assert max(read) > min(read)
    big.assert_equal("big")
    _no_row_twice(big)


def test_a_stop_in_the_middle_keeps_what_is_read(
    big: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MAX_CHUNK_BLOCKS", 20)
    stop, send = threading.Event(), snapshot.Snapshotter._send

    def stop_soon(self: Any, chunk: Any, body: Any) -> None:
        send(self, chunk, body)
        if chunk.first == 60:
            stop.set()

    with monkeypatch.context() as patched:
        patched.setattr(snapshot.Snapshotter, "_send", stop_soon)
        follow(big.options, stop)
    begun = big.table("big")
    assert 60 <= begun.snapshot_next_block < begun.snapshot_block_count
    big.settle()
    big.assert_equal("big")
    _no_row_twice(big)


def test_a_resync_at_the_very_end_of_a_snapshot_is_no_end_of_the_new_one(
    big: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    current_lsn, asked = SourceDatabase.current_lsn, []

    def begun_anew_meanwhile(self: Any) -> int:
        lsn = current_lsn(self)
        if threading.current_thread().name == "cdc-snapshot" and not asked:
            asked.append(1)
            before = big.table("big").storage_mark
            ask_for_resync(big.options, "big")
            wait_until(lambda: big.table("big").storage_mark != before, 20, "it is begun anew")
        return lsn

    monkeypatch.setattr(SourceDatabase, "current_lsn", begun_anew_meanwhile)
    big.settle()
    assert asked
    big.assert_equal("big")


def test_copy_out_gives_whole_rows_and_leaves_the_connection_usable(postgres_url: str) -> None:
    numbers = b"COPY (SELECT n FROM generate_series(1, 100000) n) TO STDOUT"
    with connect_postgres(postgres_url, autocommit=True) as connection:
        pieces = list(copy_out(connection, numbers))
        assert b"".join(pieces) == b"".join(b"%d\n" % n for n in range(1, 100_001))
        assert all(piece.endswith(b"\n") for piece in pieces)
        assert len(pieces) > 5

        half = copy_out(connection, numbers)
        next(half)
        half.close()
        with pytest.raises(psycopg.errors.DivisionByZero):
            list(copy_out(connection, b"COPY (SELECT 1 / 0) TO STDOUT"))
        with pytest.raises(psycopg.errors.UndefinedTable):
            list(copy_out(connection, b"COPY nothing TO STDOUT"))
        assert connection.execute("SELECT 1").fetchone() == (1,)

        with pytest.raises(psycopg.OperationalError, match="sent nothing"):
            list(copy_out(connection, b"COPY (SELECT pg_sleep(20)) TO STDOUT", 0.2))
        assert connection.closed
