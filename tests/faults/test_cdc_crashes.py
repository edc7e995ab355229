"""Capture dies, or what it writes to does, at the worst moments: nothing is lost, nothing doubled.

Seeded: a failure names its seed, and the same seed repeats it.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from fix_capture import PUBLICATION, Capture
from fix_stack import RunningStack, StartDisposable, wait_until

from ingestion.cdc.apply import Applier
from ingestion.cdc.control import ask_for_resync
from ingestion.cdc.run import drain, follow
from ingestion.cdc.run import options as capture_options
from ingestion.cdc.state import StateStore
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import Error as ClickHouseError
from stores.clickhouse.client import connect as connect_clickhouse
from stores.errors import StoreUnavailable
from stores.postgres import replication
from stores.postgres.client import Connection, connect
from stores.postgres.client import Error as PostgresError
from stores.settings import REPOSITORY

SEED = 20261123
TABLES = ("ledger", "members", "notes")
TWICE = (
    "SELECT sum(n - 1) FROM (SELECT count() AS n FROM oltp_log.{table}"
    " WHERE _version % bitShiftLeft(toUInt128(1), 64) != 0 GROUP BY _version)"
)


class Killed(BaseException):
    """Stands for kill -9: no handler of ours may catch it."""


@pytest.fixture
def tables(capture: Capture) -> Capture:
    """Five tables, streaming, and a view that counts what is inserted into one."""
    for number in range(5):
        capture.sql(f"CREATE TABLE t{number} (id int PRIMARY KEY, name text)")
    capture.publish(*(f"t{number}" for number in range(5)))
    capture.settle()
    target = capture.options.target_database
    capture.clickhouse.command(
        f"CREATE MATERIALIZED VIEW {target}.counted ENGINE = SummingMergeTree ORDER BY tuple()"
        " SETTINGS non_replicated_deduplication_window = 1000"
        f" AS SELECT count() AS n FROM {target}_log.t0"
    )
    return capture


def _write(capture: Capture) -> None:
    for number in range(5):
        capture.sql(f"INSERT INTO t{number} SELECT n, 'x' FROM generate_series(1, 50) n")
    capture.sql("UPDATE t0 SET name = 'y'")


def _no_row_twice(capture: Capture) -> None:
    for number in range(5):
        assert capture.rows(TWICE.format(table=f"t{number}")) == [(0,)]
    assert capture.rows("SELECT sum(n) FROM oltp.counted") == [(100,)]


def test_killed_between_the_last_insert_and_the_confirmation(
    tables: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    _write(tables)
    with monkeypatch.context() as patched:
        patched.setattr(StateStore, "save_manifest", die)
        with pytest.raises(Killed):
            tables.settle()
    tables.settle()
    tables.assert_equal()
    _no_row_twice(tables)


def test_killed_after_two_of_five_tables_were_inserted(
    tables: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, calls = Applier._send, []

    def die_at_the_third(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        send(*arguments)

    _write(tables)
    with monkeypatch.context() as patched:
        patched.setattr(Applier, "_send", die_at_the_third)
        with pytest.raises(Killed):
            tables.settle()
    tables.settle()
    tables.assert_equal()
    _no_row_twice(tables)


def test_an_insert_whose_answer_was_lost_is_repeated_without_effect(
    tables: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, lost = Applier._send, []

    def lose_the_first_answer(*arguments: Any) -> None:
        send(*arguments)
        if len(lost) < 3:
            lost.append(1)
            raise ClickHouseError("the connection was reset")

    _write(tables)
    with monkeypatch.context() as patched:
        patched.setattr(Applier, "_send", lose_the_first_answer)
        tables.settle()
    tables.assert_equal()
    _no_row_twice(tables)


def test_a_snapshot_goes_on_where_it_was_killed(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion.cdc import snapshot

    monkeypatch.setattr(snapshot, "MAX_CHUNK_BLOCKS", 4)
    capture.sql("CREATE TABLE big (id int PRIMARY KEY, name text)")
    capture.sql("INSERT INTO big SELECT n, repeat('x', 400) FROM generate_series(1, 2000) n")
    capture.publish("big")
    stop = threading.Event()
    saved = StateStore.save

    def stop_at_the_third_chunk(store: StateStore, table: Any) -> None:
        saved(store, table)
        if table.snapshot_next_block >= 12:
            stop.set()

    with monkeypatch.context() as patched:
        patched.setattr(StateStore, "save", stop_at_the_third_chunk)
        follow(capture.options, stop)
    begun = capture.table("big")
    assert 0 < begun.snapshot_next_block < begun.snapshot_block_count
    # While nobody looks: rows move between blocks, rows go, rows come.
    capture.sql(
        "UPDATE big SET name = 'moved' WHERE id % 3 = 0",
        "DELETE FROM big WHERE id % 7 = 0",
        "INSERT INTO big SELECT n, 'new' FROM generate_series(3000, 3100) n",
    )
    read: list[int] = []
    copy = snapshot.Snapshotter._copy

    def remember(self: Any, chunk: Any) -> Any:
        read.append(chunk.first)
        return copy(self, chunk)

    monkeypatch.setattr(snapshot.Snapshotter, "_copy", remember)
    capture.settle()
    assert min(read) == begun.snapshot_next_block
    capture.assert_equal()


def test_a_transaction_larger_than_memory_allows_is_stored_in_parts(
    tables: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion.cdc import capture as loop

    monkeypatch.setattr(loop, "MAX_BATCH_ROWS", 1000)
    send, sizes = Applier._send, []

    def remember(applier: Applier, step: Any, *rest: Any) -> None:
        sizes.append(step.row_count)
        if len(sizes) == 6:
            raise Killed
        send(applier, step, *rest)

    monkeypatch.setattr(loop, "BUSY_POLL_SECONDS", 0.0)
    monkeypatch.setattr(replication, "MAX_POLLED_BYTES", 20_000)
    monkeypatch.setattr(Applier, "_send", remember)
    tables.transaction(
        "INSERT INTO t0 SELECT n, 'x' FROM generate_series(1, 10000) n",
        "UPDATE t0 SET name = 'y' WHERE id % 2 = 0",
    )
    with pytest.raises(Killed):
        tables.settle()
    tables.settle()
    assert max(sizes) < 5000
    tables.assert_equal()
    assert tables.rows(TWICE.format(table="t0")) == [(0,)]


def test_postgresql_is_answered_while_an_insert_blocks(
    tables: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tables.options.source_url.rsplit("/", 1)[1]
    tables.sql(f"ALTER DATABASE {database} SET wal_sender_timeout = '1s'")
    send, blocked = Applier._send, threading.Event()

    def block(*arguments: Any) -> None:
        if not blocked.is_set():
            time.sleep(3)
            blocked.set()
        send(*arguments)

    monkeypatch.setattr(Applier, "_send", block)
    tables.start()
    wait_until(lambda: _walsender(tables), 10, "the stream is open")
    opened = _walsender(tables)
    _write(tables)
    wait_until(blocked.is_set, 10, "the insert ends")
    tables.settle()
    assert _walsender(tables) == opened
    tables.assert_equal()


def test_capture_comes_back_after_its_connection_was_cut(tables: Capture) -> None:
    tables.start()
    wait_until(lambda: _walsender(tables), 10, "the stream is open")
    opened = _walsender(tables)
    _write(tables)
    tables.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    wait_until(lambda: _walsender(tables) not in (None, opened), 20, "the stream is open again")
    tables.settle()
    tables.assert_equal()
    _no_row_twice(tables)


ALTERS = (
    "ALTER TABLE forms ADD COLUMN level int NOT NULL DEFAULT 7",
    "ALTER TABLE forms RENAME COLUMN name TO title",
    "ALTER TABLE forms ALTER COLUMN score TYPE bigint",
    "ALTER TABLE forms ALTER COLUMN short TYPE varchar(200)",
    "ALTER TABLE forms DROP COLUMN gone",
    "ALTER TABLE forms ADD COLUMN gone timestamptz",
)


@pytest.mark.parametrize("fatal_call", ["save", "save_manifest"])
def test_killed_between_an_alter_and_the_confirmation_and_it_converges_without_reading_anew(
    capture: Capture, monkeypatch: pytest.MonkeyPatch, fatal_call: str
) -> None:
    capture.sql(
        "CREATE TABLE forms (id int PRIMARY KEY, name text, score int, short varchar(9), gone int)",
        "INSERT INTO forms SELECT n, 'old', n, 'o', n FROM generate_series(1, 20) n",
    )
    capture.publish("forms")
    capture.settle()
    begun = capture.table("forms")

    def die(*_: object) -> None:
        raise Killed

    for number, alter in enumerate(ALTERS):
        capture.sql(
            f"UPDATE forms SET score = {number} WHERE id % 6 = {number}",
            alter,
            f"INSERT INTO forms (id, score) VALUES ({100 + number}, {number})",
            f"DELETE FROM forms WHERE id = {1 + number}",
        )
        with monkeypatch.context() as patched, suppress(Killed):
            patched.setattr(StateStore, fatal_call, die)
            capture.settle()
        capture.settle()
        capture.assert_equal("forms")
        assert capture.table("forms").snapshot_lsn == begun.snapshot_lsn, alter


def _walsender(capture: Capture) -> int | None:
    with connect(capture.options.source_url) as connection:
        row = connection.execute(
            "SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s",
            [capture.options.slot],
        ).fetchone()
    return row[0] if row else None


@pytest.mark.parametrize("fatal_note", range(1, 6))
def test_killed_at_each_note_of_a_tables_life_and_read_whole(
    capture: Capture, monkeypatch: pytest.MonkeyPatch, fatal_note: int
) -> None:
    capture.sql("CREATE TABLE noted (id int PRIMARY KEY, name text)")
    capture.sql("INSERT INTO noted SELECT n, 'x' FROM generate_series(1, 3000) n")
    capture.publish("noted")
    saved = StateStore.save

    def settle_but_die_at_the_note() -> None:
        notes: list[str] = []

        def die(store: StateStore, table: Any) -> None:
            notes.append(table.state)
            if len(notes) == fatal_note:
                raise Killed
            saved(store, table)

        with monkeypatch.context() as patched, suppress(Killed):
            patched.setattr(StateStore, "save", die)
            capture.settle()

    settle_but_die_at_the_note()
    capture.settle()
    capture.assert_equal("noted")
    ask_for_resync(capture.options, "noted")
    settle_but_die_at_the_note()
    capture.settle()
    capture.assert_equal("noted")


class Writers:
    """Two sessions that change rows, keys and whole tables until stopped."""

    def __init__(self, url: str, seed: int) -> None:
        self._url = url
        self._stop = threading.Event()
        self.transaction_count = 0
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed + n),), daemon=True)
            for n in range(2)
        ]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def _run(self, chance: random.Random) -> None:
        while not self._stop.wait(0.01):
            # A killed PostgreSQL takes the connection with it and does not answer for a moment.
            with suppress(PostgresError, StoreUnavailable), connect(self._url) as connection:
                while not connection.closed and not self._stop.wait(0.01):
                    self._transaction(connection, chance)

    def _transaction(self, connection: Connection, chance: random.Random) -> None:
        try:
            for _ in range(chance.randrange(1, 12)):
                connection.execute(self._change(chance).encode())
            if chance.random() < 0.15:
                connection.rollback()
            connection.commit()
        except PostgresError:
            if not connection.closed:
                connection.rollback()
        self.transaction_count += 1

    def _change(self, chance: random.Random) -> str:
        key, other = chance.randrange(300), chance.randrange(300)
        text = f"repeat(md5('{chance.random()}'), {chance.choice((1, 200))})"
        return chance.choice(
            [
                f"INSERT INTO ledger VALUES ({key}, 1, {text})"
                " ON CONFLICT (id) DO UPDATE SET amount = ledger.amount + 1",
                f"UPDATE ledger SET amount = amount + 1 WHERE id = {key}",
                f"UPDATE ledger SET said = {text} WHERE id = {key}",
                f"UPDATE ledger SET id = {other} WHERE id = {key}"
                f" AND NOT EXISTS (SELECT FROM ledger WHERE id = {other})",
                f"DELETE FROM ledger WHERE id = {key}",
                f"INSERT INTO members VALUES ({key}, {other % 5}) ON CONFLICT DO NOTHING",
                f"DELETE FROM members WHERE a = {key}",
                f"INSERT INTO notes SELECT coalesce(max(id), 0) + 1, {text} FROM notes",
                "TRUNCATE notes" if chance.random() < 0.05 else "SELECT 1",
            ]
        )


def _start_capture(stack: RunningStack) -> "subprocess.Popen[bytes]":
    """One that follows: what is killed sooner, while Python starts, is no capture yet."""
    before = stack.log("capture").count("goes on at")
    capture = subprocess.Popen(
        [sys.executable, "-m", "interview_data", "cdc", "run", "--follow"],
        env={
            **os.environ,
            "INTERVIEW_DATA_HOME": str(stack.home.path),
            "CAPTURE_PUBLICATION": PUBLICATION,
            "PYTHONFAULTHANDLER": "1",
        },
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=stack.home.log_file("capture").open("ab"),
    )
    wait_until(lambda: stack.log("capture").count("goes on at") > before, 60, "capture follows")
    return capture


def _stop_capture(capture: "subprocess.Popen[bytes]", stack: RunningStack) -> None:
    capture.terminate()
    try:
        code = capture.wait(30)
    except subprocess.TimeoutExpired:
        # With PYTHONFAULTHANDLER its log then says where every thread stands.
        capture.send_signal(signal.SIGABRT)
        capture.wait(5)
        pytest.fail(f"capture does not stop: {stack.log('capture')[-8000:]}")
    assert code == 0, stack.log("capture")[-8000:]


def _kill_capture(capture: "subprocess.Popen[bytes]", _: RunningStack) -> None:
    capture.kill()
    capture.wait(10)


def _kill_store(name: str, stack: RunningStack) -> None:
    found = stack.service(name)
    os.kill(found["pid"], signal.SIGKILL)
    stack.wait_restarted(name, found["restart_count"])


def _kill_clickhouse(_: "subprocess.Popen[bytes]", stack: RunningStack) -> None:
    _kill_store("clickhouse", stack)


def _kill_postgres(_: "subprocess.Popen[bytes]", stack: RunningStack) -> None:
    _kill_store("postgres", stack)


def test_killed_again_and_again_under_load_and_every_row_is_right(
    disposable_stack: StartDisposable,
) -> None:
    stack = disposable_stack("postgres", "clickhouse")
    url = stack.environment["DATABASE_URL"]
    with connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE ledger (id int PRIMARY KEY, amount int, said text)")
        connection.execute("CREATE TABLE members (a int, b int, PRIMARY KEY (a, b))")
        connection.execute("CREATE TABLE notes (id int PRIMARY KEY, said text)")
        connection.execute(
            "INSERT INTO ledger SELECT n, 0, repeat(md5(n::text), 100)"
            " FROM generate_series(1000, 21000) n"
        )
        connection.execute(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {', '.join(TABLES)}")
    chance = random.Random(SEED)
    breakers: list[Callable[[Any, RunningStack], None]] = [
        *[_kill_capture] * 3, _kill_postgres, *[_kill_capture] * 3, _kill_clickhouse
    ]  # fmt: skip
    capture = _start_capture(stack)
    with Writers(url, SEED) as writers:
        for breaker in breakers:
            time.sleep(chance.uniform(0.4, 1.6))
            breaker(capture, stack)
            if capture.poll() is not None:
                capture = _start_capture(stack)
        before = writers.transaction_count
        wait_until(lambda: writers.transaction_count > before + 20, 20, "writers go on")
    _stop_capture(capture, stack)
    chosen = capture_options(publication=PUBLICATION)
    drain(60, chosen)
    running = Capture(chosen, connect_clickhouse())
    running.assert_equal(*TABLES)
    _assert_once(running.clickhouse)


def _assert_once(client: ClickHouseClient) -> None:
    for table in TABLES:
        query = TWICE.format(table=table)
        if table == "notes":
            # One TRUNCATE gives many tombstones one version.
            query = query.replace("GROUP BY _version", "GROUP BY _version, id")
        assert client.query(query).result_rows == [(0,)], (SEED, table)
