"""What every capture measurement needs: a stack of its own, captures in it, and what they used.

Belongs here: starting and stopping, one capture's slot and target, child processes with their
time, memory and CPU. What is written and what is compared belongs to the measurements.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import click
import psutil

from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import connect as connect_clickhouse
from stores.local.postgres import BINARIES
from stores.postgres.client import Connection
from stores.postgres.client import connect as connect_postgres
from stores.settings import STORE_URLS

REPOSITORY = Path(__file__).resolve().parent.parent
PUBLICATION = "bench"
TIMEOUT_SECONDS = 600
SAMPLE_SECONDS = 0.05
_MIB = 1 << 20


def environment(home: Path) -> dict[str, str]:
    """The environment of a child that knows no other stores than those of `home`."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in STORE_URLS}
    return kept | {"INTERVIEW_DATA_HOME": str(home)}


@dataclass
class Used:
    """What one process took. Memory is the highest resident size."""

    seconds: float
    memory_mib: float
    cpu_seconds: float
    clickhouse_memory_mib: float = 0.0
    clickhouse_cpu_seconds: float = 0.0
    postgres_cpu_seconds: float = 0.0


@dataclass
class Stack:
    """PostgreSQL and ClickHouse in a home that is thrown away."""

    home: Path
    postgres_url: str
    clickhouse_url: str
    clickhouse: ClickHouseClient
    clickhouse_process: psutil.Process
    postgres_process: psutil.Process
    _databases: int = field(default=0)

    def command(self, *arguments: str) -> str:
        """What `interview-data ARGUMENTS` prints."""
        done = subprocess.run(
            [sys.executable, "-m", "interview_data", *arguments],
            env=environment(self.home),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr)[-3000:]
            raise click.ClickException(f"{' '.join(arguments)}: {said}")
        return done.stdout

    def new_database(self, name: str) -> str:
        """An empty database's URL."""
        self._databases += 1
        unique = f"{name}_{self._databases}"
        with connect_postgres(self.postgres_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {unique}".encode())
        return urlunsplit(urlsplit(self.postgres_url)._replace(path=f"/{unique}"))

    @staticmethod
    def name_of(url: str) -> str:
        """A database's name."""
        return urlsplit(url).path[1:]

    def drop_database(self, url: str) -> None:
        """With its slots, and with the logs that they kept."""
        name = self.name_of(url)
        with connect_postgres(self.postgres_url, autocommit=True) as connection:
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
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            connection.execute("CHECKPOINT")

    @contextmanager
    def stores_used(self, used: Used) -> Iterator[None]:
        """Note in `used` what the stores took meanwhile."""
        before, ended = sum(self.clickhouse_process.cpu_times()[:2]), threading.Event()
        postgres_before = self._postgres_cpu_seconds()
        highest = [self.clickhouse_process.memory_info().rss]

        def watch() -> None:
            while not ended.wait(SAMPLE_SECONDS):
                highest.append(self.clickhouse_process.memory_info().rss)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            used.clickhouse_memory_mib = round(max(highest) / _MIB, 1)
            after = sum(self.clickhouse_process.cpu_times()[:2])
            used.clickhouse_cpu_seconds = round(after - before, 2)
            used.postgres_cpu_seconds = round(self._postgres_cpu_seconds() - postgres_before, 2)

    def _postgres_cpu_seconds(self) -> float:
        """Of all its processes, those that have ended too."""
        used = sum(self.postgres_process.cpu_times()[:4])
        for process in self.postgres_process.children():
            with suppress(psutil.NoSuchProcess):
                used += sum(process.cpu_times()[:2])
        return float(used)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """A stack in a temporary home, stopped at the end, also where the end is SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="bench-capture-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        stack = Stack(home, "", "", None, None, None)  # type: ignore[arg-type]
        try:
            stack.command("up", "--detach", "--only", "postgres", "--only", "clickhouse")
            found = json.loads(stack.command("env", "--json"))
            services = json.loads(stack.command("status", "--json"))["services"]
            pids = {entry["name"]: entry["pid"] for entry in services}
            stack.postgres_url, stack.clickhouse_url = (
                found["DATABASE_URL"],
                found["CLICKHOUSE_URL"],
            )
            stack.clickhouse = connect_clickhouse(stack.clickhouse_url)
            stack.clickhouse_process = psutil.Process(pids["clickhouse"])
            stack.postgres_process = psutil.Process(pids["postgres"])
            yield stack
        finally:
            stack.command("down")


@dataclass
class Capture:
    """One slot of a database and the ClickHouse database it is brought into."""

    stack: Stack
    source_url: str
    slot: str

    @property
    def options(self) -> list[str]:
        """What `interview-data cdc …` is told."""
        return [
            *("--source", self.source_url, "--publication", PUBLICATION),
            *("--slot", self.slot, "--target-database", self.slot),
        ]

    def drain(self) -> Used:
        """Bring everything committed by now into ClickHouse, in a process of its own.

        Seconds are those from opening the session to the last confirmation; the interpreter's
        start is left out, as it is paid once.
        """
        used = Used(0, 0, 0)
        with self.stack.stores_used(used):
            done = subprocess.run(
                [sys.executable, "-m", "bench.capture_drain", *self.options[1::2]],
                env=environment(self.stack.home),
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        if done.returncode:
            raise click.ClickException(f"capture: {done.stderr[-3000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        used.seconds, used.memory_mib = found["seconds"], found["memory_mib"]
        used.cpu_seconds = found["cpu_seconds"]
        return used

    @contextmanager
    def following(self) -> Iterator[psutil.Process]:
        """The process of `interview-data cdc run --follow`, until the end of the block."""
        log = self.stack.home.parent / f"{self.slot}.log"
        process = subprocess.Popen(
            [sys.executable, "-m", "interview_data", "cdc", "run", "--follow", *self.options],
            env=environment(self.stack.home),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log.open("ab"),
        )
        try:
            yield psutil.Process(process.pid)
            if process.poll() is not None:
                raise click.ClickException(f"capture ended: {log.read_text()[-3000:]}")
        finally:
            process.terminate()
            process.wait(60)

    def verify(self) -> None:
        """Fail unless every row and column is the same on both sides."""
        self.stack.command("cdc", "verify", *self.options)

    def forget(self) -> None:
        """Drop what was brought to ClickHouse."""
        for database in (self.slot, f"{self.slot}_log"):
            self.stack.clickhouse.command(f"DROP DATABASE IF EXISTS `{database}` SYNC")


def drain_by_pg_recvlogical(
    stack: Stack, source_url: str, slot: str, end_lsn: str, options: dict[str, str]
) -> Used:
    """Let `pg_recvlogical` read the slot to /dev/null, up to `end_lsn`."""
    parts = urlsplit(source_url)
    host = f"{parts.username}@{parts.hostname}:{parts.port}"
    argv = [str(BINARIES / "pg_recvlogical"), "-d", urlunsplit(parts._replace(netloc=host))]
    argv += ["--slot", slot, "--start", "--no-loop", "--endpos", end_lsn, "-f", "/dev/null"]
    for name, value in options.items():
        argv += ["-o", f"{name}={value}"]
    used = Used(0, 0, 0)
    with stack.stores_used(used):
        began = time.perf_counter()
        process = subprocess.Popen(
            argv,
            env=os.environ | {"PGPASSWORD": unquote(parts.password or "")},
            stderr=subprocess.PIPE,
        )
        _, status, resources = os.wait4(process.pid, 0)
        used.seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    said = process.communicate()[1].decode()
    if process.returncode:
        raise click.ClickException(f"pg_recvlogical: {said}")
    used.cpu_seconds = resources.ru_utime + resources.ru_stime
    return used


def own_use() -> dict[str, float]:
    """Highest resident size and CPU seconds of this process."""
    status = Path("/proc/self/status").read_text()
    highest = re.search(r"VmHWM:\s+(\d+) kB", status)
    memory = int(highest[1]) / 1024 if highest else 0.0
    return {
        "memory_mib": round(memory, 1),
        "cpu_seconds": round(sum(psutil.Process().cpu_times()[:2]), 2),
    }


def run_sql(connection: Connection, *statements: str) -> None:
    """Run statements, each committed."""
    for statement in statements:
        connection.execute(statement.encode())


def say(text: str) -> None:
    """Progress, beside the result."""
    click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


def machine() -> dict[str, Any]:
    """Where it was measured."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1].strip() if model else "",
        "cpu_count": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30), 1),
        "python": sys.version.split()[0],
        "load_before": round(os.getloadavg()[0], 2),
    }
