"""Starts services in the order they need, restarts what dies, stops them in reverse.

Belongs here: the loop and its files. One service's states are in `managed.py`; which
services there are is said by the caller. It runs in the main thread and starts every
child there: the kernel's parent-death signal follows the thread that made the child.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stores.local.home import Home, read_json, write_json
from stores.local.logs import open_log, rotate
from stores.local.managed import RUNNING, ManagedService
from stores.local.processes import Identity, end_groups, identify
from stores.local.service import Service

TICK_SECONDS = 0.05
TIDY_EVERY_SECONDS = 60.0
SUPERVISOR = "supervisor"
_PR_SET_CHILD_SUBREAPER = 36
_GUARD = Path(__file__).with_name("guard.py")


class Supervisor:
    """Runs `services` until it is told to stop."""

    def __init__(self, home: Home, services: Sequence[Service]) -> None:
        self._home = home
        self._pool = ThreadPoolExecutor(max_workers=len(services) + 2)
        self._managed = {
            service.name: ManagedService(service, self._pool, self.report) for service in services
        }
        self._is_stopping = False
        self._written: dict[str, Any] = {}
        self._seen_dead: set[int] = set()

    def request_stop(self, *_: object) -> None:
        """Begin to stop, at the next turn of the loop. A signal handler may call this."""
        self._is_stopping = True

    def run(self) -> None:
        """Until a stop is requested; then until everything has stopped."""
        _adopt_orphans()
        end_remnants(self._home)
        guard = self._start_guard()
        try:
            self._loop()
            self._stop_all()
        finally:
            _end_descendants(keep=guard.pid)
            guard.communicate(b"farewell")
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._home.status_file.unlink(missing_ok=True)
        self.report(SUPERVISOR, "everything has stopped")

    def _loop(self) -> None:
        tidied_at = time.monotonic()
        while not self._is_stopping:
            for managed in self._managed.values():
                managed.tick(self._can_start(managed.service))
            self._write_status()
            if time.monotonic() - tidied_at > TIDY_EVERY_SECONDS:
                tidied_at = time.monotonic()
                self._rotate_logs()
                self._seen_dead = reap_adopted(self._seen_dead)
            time.sleep(TICK_SECONDS)

    def _can_start(self, service: Service) -> bool:
        if service.is_started_at_once:
            return True
        needed = [self._managed[name] for name in service.depends_on if name in self._managed]
        return all(managed.state == "ready" for managed in needed)

    def _stop_all(self) -> None:
        """Those that nothing else needs first; a process is asked once, then waited for."""
        asked: set[str] = set()
        left = dict(self._managed)
        while left:
            needed = {name for managed in left.values() for name in managed.service.depends_on}
            for name, managed in list(left.items()):
                if name not in needed and name not in asked:
                    asked.add(name)
                    managed.request_stop()
                if name in asked and managed.has_stopped():
                    del left[name]
            self._write_status()
            time.sleep(TICK_SECONDS / 2)

    def _start_guard(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD), str(self._home.status_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def report(self, name: str, message: str) -> None:
        """One line in the supervisor's log, where `up` in the foreground reads it too."""
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with open_log(self._home.log_file(SUPERVISOR)) as log:
            log.write(f"{moment} {name}: {message}\n".encode())

    def _rotate_logs(self) -> None:
        for managed in self._managed.values():
            rotate(managed.service.log_file)
        rotate(self._home.log_file(SUPERVISOR))

    def _write_status(self) -> None:
        status = {
            "supervisor": identify(os.getpid()),
            "is_stopping": self._is_stopping,
            "services": [_describe(managed) for managed in self._managed.values()],
        }
        if status != self._written:
            write_json(self._home.status_file, status)
            self._written = status


def _describe(managed: ManagedService) -> dict[str, Any]:
    service = managed.service
    return {
        "name": service.name,
        "state": managed.state,
        "pid": managed.identity.pid if managed.identity else None,
        "started": managed.identity.started if managed.identity else None,
        "port": service.port,
        "url": service.url,
        "restart_count": managed.restart_count,
        "last_exit": managed.last_exit,
        "problem": managed.problem,
        "is_hopeless": managed.is_hopeless,
        "is_running": managed.state in RUNNING,
        "log_file": str(service.log_file),
        "data_folder": str(service.data_folder) if service.data_folder else None,
        "stop_signal": int(service.stop_signal),
    }


def end_remnants(home: Home) -> None:
    """End what a supervisor that was killed has left, before anything is started again."""
    services: Iterable[dict[str, Any]] = read_json(home.status_file).get("services", [])
    end_groups(
        [
            (Identity(service["pid"], service["started"]), service["stop_signal"])
            for service in services
            if service["pid"]
        ],
        patience_seconds=20.0,
    )


def _adopt_orphans() -> None:
    """Grandchildren whose parent dies become ours, so that none can escape a stop."""
    with contextlib.suppress(OSError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_adopted(seen_before: set[int]) -> set[int]:
    """Take the exit status of adopted processes; returns the dead to look at next time.

    Our own children's is taken at once by those who wait for them, so what has been dead
    for a whole turn is nobody else's.
    """
    import psutil

    dead = {
        child.pid
        for child in psutil.Process().children()
        if child.is_running() and child.status() == psutil.STATUS_ZOMBIE
    }
    for pid in dead & seen_before:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return dead - seen_before


def _end_descendants(keep: int) -> None:
    import psutil

    for process in psutil.Process().children(recursive=True):
        if process.pid != keep:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
