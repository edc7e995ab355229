"""One service under supervision: a small state machine that never blocks.

    waiting -> preparing -> starting -> finishing -> ready <-> unhealthy
       ^                        (any of them)            |
       +------- backoff <------- died -------------------+

Belongs here: what becomes of one process. Their order, and the files, are the supervisor's.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from stores.local.logs import last_line, open_log
from stores.local.processes import Identity, has_group, identify, signal_group
from stores.local.service import Service

State = Literal[
    "waiting", "preparing", "starting", "finishing", "ready", "unhealthy", "backoff", "stopped"
]
RUNNING: tuple[State, ...] = ("starting", "finishing", "ready", "unhealthy")

BACKOFF_LONGEST_SECONDS = 30.0
CHECK_EVERY_SECONDS = 5.0
CHECK_EVERY_SECONDS_AT_START = 0.1
FAILED_CHECKS_UNTIL_UNHEALTHY = 3
# After so long without dying, a death counts as the first again.
SETTLED_SECONDS = 60.0
AFTER_START_TIMEOUT_SECONDS = 120.0
# What outlives its leader is asked, and killed after so long: some of it tidies up by then.
LEAVING_SECONDS = 3.0
# What a command after the start exits with where trying again cannot help.
PERMANENT_EXIT_STATUS = 2

_RUN_CHILD = Path(__file__).with_name("run_child.py")


class ManagedService:
    """The service, its process, and what is known of both."""

    def __init__(
        self, service: Service, pool: ThreadPoolExecutor, report: Callable[[str, str], None]
    ) -> None:
        self.service = service
        self.state: State = "waiting"
        self.identity: Identity | None = None
        self.restart_count = 0
        self.last_exit = ""
        self.problem = ""
        self.is_hopeless = False
        self.started_at = 0.0
        self._report = report
        self._pool = pool
        self._process: subprocess.Popen[bytes] | None = None
        self._task: Future[Any] | None = None
        self._next_at = 0.0
        self._deaths_in_a_row = 0
        self._failed_checks = 0
        self._asked_at = 0.0
        self._kill_at = 0.0
        self._has_leader_left = False

    def tick(self, can_start: bool) -> None:
        """Do what can be done now without waiting."""
        if self.state in RUNNING and self._has_died():
            return
        getattr(self, f"_when_{self.state}")(can_start)

    def _when_waiting(self, can_start: bool) -> None:
        if can_start:
            self._task = self._pool.submit(self.service.prepare)
            self.state = "preparing"

    def _when_preparing(self, _: bool) -> None:
        if self._task is None or not self._task.done():
            return
        error = self._task.exception()
        self._task = None
        if error is not None:
            self._fall(f"cannot be prepared: {error}")
            return
        self._spawn()

    def _when_starting(self, _: bool) -> None:
        answered = self._checked(CHECK_EVERY_SECONDS_AT_START)
        if answered and self._age_seconds() >= self.service.steady_seconds:
            self.state = "finishing"
            self._task = self._pool.submit(self._after_start)
        elif time.monotonic() > self.started_at + self.service.start_seconds:
            self._fall(f"did not answer within {self.service.start_seconds:.0f} s")

    def _when_finishing(self, _: bool) -> None:
        if self._task is None or not self._task.done():
            return
        status = self._task.result()
        self._task = None
        if status == 0:
            self.state, self.problem, self.is_hopeless = "ready", "", False
            self._failed_checks = 0
            self._next_at = time.monotonic() + CHECK_EVERY_SECONDS
            self._report(self.service.name, f"ready after {self._age_seconds():.1f} s")
        else:
            self.is_hopeless = status == PERMANENT_EXIT_STATUS
            self._fall(f"its set-up failed: {last_line(self.service.log_file)}")

    def _when_ready(self, _: bool) -> None:
        answered = self._checked(CHECK_EVERY_SECONDS)
        if answered is None:
            if self._age_seconds() > SETTLED_SECONDS:
                self._deaths_in_a_row = 0
            return
        self._failed_checks = 0 if answered else self._failed_checks + 1
        if answered and self.state == "unhealthy":
            self.state, self.problem = "ready", ""
            self._report(self.service.name, "answers again")
        elif self._failed_checks == FAILED_CHECKS_UNTIL_UNHEALTHY:
            self.state, self.problem = "unhealthy", "runs, but does not answer"
            self._report(self.service.name, self.problem)

    _when_unhealthy = _when_ready

    def _when_backoff(self, _: bool) -> None:
        if time.monotonic() >= self._next_at:
            self.state = "waiting"

    def _when_stopped(self, _: bool) -> None:
        """It stays stopped."""

    def request_stop(self) -> None:
        """Ask the process to end; `has_stopped` says when it has."""
        self._asked_at = time.monotonic()
        self._kill_at = self._asked_at + self.service.stop_seconds
        if self._process is None:
            self.state = "stopped"
        elif self.service.is_stopped_with_children:
            signal_group(self._process.pid, self.service.stop_signal)
        else:
            self._process.send_signal(self.service.stop_signal)

    def has_stopped(self) -> bool:
        """Whether nothing of the service runs any more; past its time it is killed."""
        if self._process is None:
            return True
        leader = self._process.poll() is not None
        if leader and not self._has_leader_left:
            self._has_leader_left = True
            self._kill_at = min(self._kill_at, time.monotonic() + LEAVING_SECONDS)
            signal_group(self._process.pid, signal.SIGTERM)
        if time.monotonic() > self._kill_at:
            signal_group(self._process.pid, signal.SIGKILL)
        if not leader or has_group(self._process.pid):
            return False
        self._process, self.identity, self.state = None, None, "stopped"
        seconds = time.monotonic() - self._asked_at
        how = "stopped" if seconds < self.service.stop_seconds else "killed, for it did not stop"
        self._report(self.service.name, f"{how} after {seconds:.1f} s")
        return True

    def _spawn(self) -> None:
        service = self.service
        account = service.account
        become = (account.user_id, account.group_id, account.capability) if account else (-1,) * 3
        settings = (os.getpid(), int(service.stop_signal), *become)
        argv = [sys.executable, "-I", "-S", str(_RUN_CHILD), *map(str, settings), "--"]
        with open_log(service.log_file) as log:
            self._process = subprocess.Popen(
                [*argv, *service.argv],
                env=dict(service.env),
                cwd=service.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: a key stroke or a stop reaches it only through us.
                start_new_session=True,
            )
        self.identity = identify(self._process.pid)
        self.state, self.started_at, self._next_at = "starting", time.monotonic(), 0.0

    def _after_start(self) -> int:
        if not self.service.after_start:
            return 0
        with open_log(self.service.log_file) as log:
            done = subprocess.run(
                self.service.after_start,
                env=dict(self.service.after_start_env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=AFTER_START_TIMEOUT_SECONDS,
                check=False,
            )
        return done.returncode

    def _checked(self, every_seconds: float) -> bool | None:
        """What a check that has ended says; None while there is none."""
        if self._task is None:
            if time.monotonic() >= self._next_at:
                self._task = self._pool.submit(self.service.check)
            return None
        if not self._task.done():
            return None
        error = self._task.exception()
        self._task = None
        self._next_at = time.monotonic() + every_seconds
        return error is None

    def _has_died(self) -> bool:
        if self._process is None or self._process.poll() is None:
            return False
        status = self._process.returncode
        said = f": {last_line(self.service.log_file)}" if status > 0 else ""
        self._fall(describe_exit(status) + said)
        return True

    def _fall(self, reason: str) -> None:
        """Note why it died, end what is left of it, and say when it will be tried again."""
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process, self.identity, self._task = None, None, None
        pause = min(BACKOFF_LONGEST_SECONDS, 0.25 * 2**self._deaths_in_a_row)
        self._deaths_in_a_row += 1
        self.restart_count += 1
        self.last_exit = self.problem = reason
        self.state, self._next_at = "backoff", time.monotonic() + pause
        self._report(self.service.name, f"{reason}; starting it again in {pause:.2g} s")

    def _age_seconds(self) -> float:
        return time.monotonic() - self.started_at


def describe_exit(status: int) -> str:
    """An exit status in words."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"
