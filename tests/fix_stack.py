"""Real stores for tests: one stack per session, and disposable ones for tests that break them.

Belongs here: starting, finding and ending stacks, and a clean store per test. Nothing of it
touches a stack that runs beside the tests: every home is new and the ports are free ones.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest

from stores.local.home import Home, read_json
from stores.local.processes import Identity, identify, is_alive
from stores.local.stack import STORES
from stores.settings import REPOSITORY, STORE_URLS, Settings

START_SECONDS = 60
STOP_SECONDS = 60
TEMPLATE = "template_migrated"


def wait_until(condition: Callable[[], Any], seconds: float = 20, what: str = "") -> Any:
    """What `condition` returns once it is true; fails after a while.

    Asked seldomer the longer it takes: what is waited for needs the processor.
    """
    began = time.monotonic()
    while (waited := time.monotonic() - began) < seconds:
        if found := condition():
            return found
        time.sleep(min(0.01 + waited / 20, 0.5))
    pytest.fail(f"not within {seconds} s: {what or condition}")


async def until(condition: Callable[[], bool]) -> None:
    """`wait_until` within an event loop, which goes on meanwhile; ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  a state, not an event
            await asyncio.sleep(0.01)


@dataclass
class RunningStack:
    """A stack of stores in a home of its own."""

    home: Home
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        """What `up` publishes: every URL with its credentials."""
        return {name: str(value) for name, value in read_json(self.home.environment_file).items()}

    def status(self) -> dict[str, Any]:
        """What the supervisor last said."""
        found = read_json(self.home.status_file)
        # A supervisor that was killed leaves its file to the next one in the same home.
        return found if found.get("supervisor", [0])[0] == self.process.pid else {}

    def service(self, name: str) -> dict[str, Any]:
        """What it said of one process."""
        found = [entry for entry in self.status().get("services", []) if entry["name"] == name]
        return found[0] if found else {"state": "stopped", "pid": None, "restart_count": 0}

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Until every process is ready."""

        def is_ready() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"the supervisor ended: {self.log('supervisor')}")
            services = self.status().get("services", [])
            return bool(services) and all(entry["state"] == "ready" for entry in services)

        wait_until(is_ready, seconds, f"{self.status()} {self.log('supervisor')}")

    def wait_restarted(self, name: str, before: int, seconds: float = 30) -> None:
        """Until `name` is ready and has been restarted since it had `before` restarts."""

        def is_back() -> bool:
            found = self.service(name)
            return found["state"] == "ready" and found["restart_count"] > before

        wait_until(is_back, seconds, f"{name} is not back: {self.log('supervisor')}")

    def log(self, name: str) -> str:
        """A process's log."""
        path = self.home.log_file(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def processes(self) -> list[Identity]:
        """Everything that runs under the supervisor, and itself."""
        root = psutil.Process(self.process.pid)
        found = [root, *root.children(recursive=True)]
        return [identity for entry in found if (identity := identify(entry.pid))]

    def stop(self) -> None:
        """Stop, and check that no process is left."""
        if self.process.poll() is not None:
            return
        before = self.processes()
        self.process.terminate()
        self.process.wait(STOP_SECONDS)
        wait_until(lambda: not any(map(is_alive, before)), 5, "processes are left behind")


def start_stack(home: Home, names: Sequence[str], **environment: str) -> RunningStack:
    """Start the processes `names`; they end with this process, however it ends."""
    home.prepare()
    inherited = {key: value for key, value in os.environ.items() if key.lower() not in STORE_URLS}
    process = subprocess.Popen(
        [sys.executable, "-m", "interview_data.supervise", str(os.getpid()), *names],
        env={**inherited, "INTERVIEW_DATA_HOME": str(home.path), **environment},
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=home.log_file("supervisor").open("ab"),
        start_new_session=True,
    )
    return RunningStack(home, process)


def new_home() -> Home:
    """An empty home below .test-state, which `make clean` removes too."""
    folder = REPOSITORY / ".test-state"
    folder.mkdir(exist_ok=True)
    return Home(Path(tempfile.mkdtemp(prefix="home-", dir=folder)))


@pytest.fixture(autouse=True)
def _apart_from_running_stacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A test reaches a store only by asking for one."""
    for name in STORE_URLS:
        monkeypatch.delenv(name.upper(), raising=False)
    nowhere = tmp_path_factory.getbasetemp() / "no-home"
    monkeypatch.setenv("INTERVIEW_DATA_HOME", str(nowhere))


@pytest.fixture(scope="session")
def session_stack() -> Iterator[RunningStack]:
    """The stores that all tests share. For tests: `stack`."""
    home = new_home()
    running = start_stack(home, list(STORES))
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()
        shutil.rmtree(home.path, ignore_errors=True)


@pytest.fixture
def stack(session_stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> RunningStack:
    """The shared stores; `load_settings()` finds them."""
    monkeypatch.setenv("INTERVIEW_DATA_HOME", str(session_stack.home.path))
    return session_stack


@pytest.fixture
def settings(stack: RunningStack) -> Settings:
    """The settings that lead to the shared stores."""
    return Settings()


@pytest.fixture(scope="session")
def _template(session_stack: RunningStack) -> str:
    """A migrated database to copy: faster than migrating one per test."""
    from stores.postgres.client import connect, migrate

    url = session_stack.environment["DATABASE_URL"]
    with connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(_with_database(url, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def postgres_url(
    stack: RunningStack, _template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A database of the test's own with every migration applied; DATABASE_URL names it.

    CAPTURE_SLOT is the test's own too, for slots belong to the whole server.
    """
    from stores.postgres.client import connect

    server = stack.environment["DATABASE_URL"]
    name = f"test_{time.monotonic_ns()}"
    with connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_template}")
    url = _with_database(server, name)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("CAPTURE_SLOT", name)
    yield url
    _drop_database(server, name)


def _drop_database(server: str, name: str) -> None:
    """With its replication slots, which a database cannot be dropped with."""
    from stores.postgres.client import connect

    with connect(server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
            " WHERE database = %s AND active",
            [name],
        )
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE database = %s",
            [name],
        )
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture
def clickhouse_url(stack: RunningStack) -> str:
    """The shared ClickHouse, migrated; what other tests have written is in it."""
    return stack.environment["CLICKHOUSE_URL"]


@pytest.fixture
def fresh_clickhouse_url(clickhouse_url: str) -> str:
    """The shared ClickHouse, emptied and migrated anew."""
    from stores.clickhouse.client import connect, migrate

    client = connect(clickhouse_url)
    kept = ("system", "default", "information_schema", "INFORMATION_SCHEMA")
    for (name,) in client.query("SELECT name FROM system.databases").result_rows:
        if name not in kept:
            client.command(f"DROP DATABASE `{name}` SYNC")
    migrate(clickhouse_url)
    return clickhouse_url


@pytest.fixture
def redis_url(stack: RunningStack) -> str:
    """The shared Redis, emptied."""
    return _emptied(stack.environment["REDIS_URL"])


@pytest.fixture
def event_bus_url(stack: RunningStack) -> str:
    """The shared event bus, emptied."""
    return _emptied(stack.environment["EVENT_BUS_URL"])


def _emptied(url: str) -> str:
    import redis

    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


StartDisposable = Callable[..., RunningStack]


@pytest.fixture
def disposable_stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[StartDisposable]:
    """Starts stacks that the test may break: `disposable_stack("postgres", "redis")`.

    `home=` starts again in a former one; other keywords are environment variables.
    INTERVIEW_DATA_HOME is the home of the last one started.
    """
    started: list[RunningStack] = []

    def start(*names: str, home: Home | None = None, **environment: str) -> RunningStack:
        running = start_stack(home or new_home(), names, **environment)
        started.append(running)
        running.wait_ready()
        monkeypatch.setenv("INTERVIEW_DATA_HOME", str(running.home.path))
        return running

    yield start
    for running in started:
        running.stop()
        shutil.rmtree(running.home.path, ignore_errors=True)


def interview_data(
    *arguments: str, home: Home, timeout: float = 90, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    inherited = {key: value for key, value in os.environ.items() if key.lower() not in STORE_URLS}
    return subprocess.run(
        [sys.executable, "-m", "interview_data", *arguments],
        env={**inherited, "INTERVIEW_DATA_HOME": str(home.path), **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def as_json(done: subprocess.CompletedProcess[str]) -> Any:
    """The object that a command with --json printed."""
    return json.loads(done.stdout)
