"""What dies is started again with its data; what is stopped leaves nothing behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from fix_stack import RunningStack, StartDisposable, interview_data, new_home, wait_until

from stores.clickhouse.client import connect as connect_clickhouse
from stores.local.home import Home
from stores.local.processes import is_alive
from stores.local.stack import STORES
from stores.object_store.client import connect as connect_object_store
from stores.postgres.client import connect as connect_postgres
from stores.search.client import connect as connect_search
from stores.search.transcripts import ALIAS
from stores.settings import Settings


def _write_everywhere(values: dict[str, str]) -> None:
    with connect_postgres() as connection:
        connection.execute("INSERT INTO roles (name, permissions) VALUES ('kept', '{}')")
    client = connect_clickhouse()
    client.command("CREATE DATABASE kept ENGINE = Atomic")
    client.command("CREATE TABLE kept.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.insert("kept.t", [[number] for number in range(1000)], column_names=["n"])
    for name in ("REDIS_URL", "EVENT_BUS_URL"):
        with redis.Redis.from_url(values[name]) as cache:
            cache.set("kept", name)
    settings = Settings()
    connect_object_store().put_object(Bucket=settings.s3_bucket, Key="temp/kept", Body=b"kept")


def _read_everywhere(values: dict[str, str]) -> None:
    with connect_postgres() as connection:
        assert connection.execute("SELECT name FROM roles").fetchall() == [("kept",)]
    assert connect_clickhouse().query("SELECT sum(n) FROM kept.t").result_rows == [(499500,)]
    for name in ("REDIS_URL", "EVENT_BUS_URL"):
        with redis.Redis.from_url(values[name]) as cache:
            assert cache.get("kept") == name.encode()
    bucket, client = Settings().s3_bucket, connect_object_store()
    assert client.get_object(Bucket=bucket, Key="temp/kept")["Body"].read() == b"kept"
    assert len(client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]) == 3
    assert connect_search().indices.exists_alias(name=ALIAS)


def test_killed_stores_come_back_and_a_killed_supervisor_leaves_nothing_but_the_data(
    disposable_stack: StartDisposable,
) -> None:
    running = disposable_stack(*STORES)
    values = running.environment
    _write_everywhere(values)
    for name in STORES:
        os.kill(running.service(name)["pid"], signal.SIGKILL)
    for name in STORES:
        running.wait_restarted(name, before=0)
    _read_everywhere(values)
    for name in STORES:
        assert running.service(name)["last_exit"] == "killed by SIGKILL"
        assert f"{name}: killed by SIGKILL; starting it again" in running.log("supervisor")

    before = running.processes()
    running.process.kill()
    running.process.wait(10)
    wait_until(lambda: not any(map(is_alive, before)), 20, "children outlive their supervisor")
    again = disposable_stack(*STORES, home=running.home)
    assert again.environment == values
    _read_everywhere(values)


def test_a_child_that_ignores_the_end_of_its_supervisor_is_ended_all_the_same(
    disposable_stack: StartDisposable,
) -> None:
    running = disposable_stack("postgres", "redis")
    stopped = running.service("redis")["pid"]
    before = running.processes()
    # A stopped process handles no signal but SIGKILL.
    os.kill(stopped, signal.SIGSTOP)
    running.process.kill()
    running.process.wait(10)
    wait_until(lambda: not any(map(is_alive, before)), 20, "a child outlives its supervisor")


def test_a_taken_port_is_left_alone_and_said(disposable_stack: StartDisposable) -> None:
    running = disposable_stack("redis")
    former = running.service("redis")["port"]
    running.stop()
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", former))
        server.listen()
        again = disposable_stack("redis", home=running.home)
        assert again.service("redis")["port"] != former
        assert f"redis: port {former} is taken" in again.log("supervisor")


def test_two_homes_run_side_by_side(disposable_stack: StartDisposable) -> None:
    first, second = disposable_stack("redis"), disposable_stack("redis")
    assert first.environment["REDIS_URL"] != second.environment["REDIS_URL"]
    with redis.Redis.from_url(first.environment["REDIS_URL"]) as client:
        client.set("whose", "first")
    with redis.Redis.from_url(second.environment["REDIS_URL"]) as client:
        assert client.get("whose") is None


def test_a_port_stays_the_same_over_a_restart(disposable_stack: StartDisposable) -> None:
    running = disposable_stack("redis")
    values = running.environment
    running.stop()
    assert disposable_stack("redis", home=running.home).environment == values


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_up_in_the_foreground_stops_everything(
    number: signal.Signals, start_foreground: Callable[[], tuple[RunningStack, Path]]
) -> None:
    running, output = start_foreground()
    before = running.processes()
    assert len(before) >= 4, "the command, the supervisor, its guard and Redis"
    running.process.send_signal(number)
    running.process.wait(30)
    wait_until(lambda: not any(map(is_alive, before)), 20, "processes are left behind")
    assert "redis" in output.read_text()


def test_postgres_starts_in_a_folder_closed_to_others_and_over_the_lock_file_of_a_crash(
    disposable_stack: StartDisposable, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    running = disposable_stack("postgres", home=Home(tmp_path / "home"))
    with psycopg.connect(running.environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    lock_file = running.home.path / "postgres" / "data" / "postmaster.pid"
    _, rest = lock_file.read_text().split("\n", 1)
    running.stop()
    # After a machine has been started again, the pid in it may be anybody's.
    lock_file.write_text(f"{os.getpid()}\n{rest}")
    assert disposable_stack("postgres", home=running.home).service("postgres")["pid"]
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_server_of_ones_own_that_does_not_answer_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    urls = {
        "DATABASE_URL": "postgresql://u:s3cret@127.0.0.1:1/x",
        "CLICKHOUSE_URL": "clickhouse://u:s3cret@127.0.0.1:1/x",
        "REDIS_URL": "redis://:s3cret@127.0.0.1:1",
        "EVENT_BUS_URL": "redis://:s3cret@127.0.0.1:1/0",
        "ELASTICSEARCH_URL": "http://u:s3cret@127.0.0.1:1",
    }
    for name, url in urls.items():
        done = interview_data("up", "--detach", "--only", "redis", home=home, **{name: url})
        assert done.returncode == 1, done
        assert done.stderr.startswith(f"Error: {name}: "), done.stderr
        assert "Traceback" not in done.stderr
        assert "s3cret" not in done.stderr


def test_a_url_of_the_wrong_kind_is_named_with_the_right_ones(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    done = interview_data("up", "--detach", home=home, DATABASE_URL="mysql://x")
    assert done.returncode == 2
    assert "DATABASE_URL: must start with postgresql://" in done.stderr


@pytest.fixture
def start_foreground(tmp_path: Path) -> Iterator[Callable[[], tuple[RunningStack, Path]]]:
    """`interview-data up` as in a terminal, with Redis alone."""
    home, output = new_home(), tmp_path / "output"

    def start() -> tuple[RunningStack, Path]:
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "interview_data", "up", "--only", "redis"],
                env={**os.environ, "INTERVIEW_DATA_HOME": str(home.path)},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running = RunningStack(home, process)
        wait_until(lambda: "Ctrl-C" in output.read_text(), 30, "up does not become ready")
        return running, output

    yield start
    shutil.rmtree(home.path, ignore_errors=True)
