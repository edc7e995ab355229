"""Starts a home's supervisor, waits with the user, and stops it.

Belongs here: what `up` and `down` do around the supervisor's process. `up` in the
foreground has the same process as `up --detach`, and ends it when it ends itself.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import click
from rich.console import Console

from interview_data.demo import load_demo_once
from interview_data.status import print_places
from interview_data.supervise import names_to_run
from stores.errors import PlatformError, StateConflict
from stores.local.external import check as check_replaced
from stores.local.home import Home, read_json
from stores.local.logs import open_log, tail
from stores.local.processes import is_alive
from stores.local.stack import replaced_stores
from stores.local.supervisor import SUPERVISOR, end_remnants
from stores.settings import inherited_environment, load_settings

START_TIMEOUT_SECONDS = 300.0
STOP_TIMEOUT_SECONDS = 90.0
# A process that has died so often before it was ready once will not come up by itself.
DEATHS_UNTIL_HOPELESS = 5
_POLL_SECONDS = 0.1


class Interrupted(Exception):
    """The user, or the system, asked the foreground to end."""


def run_up(
    home: Home, *, detach: bool, demo: bool, only: Sequence[str], without: Sequence[str]
) -> None:
    """Start the stack, or say that it runs. Without `detach`, stay until interrupted."""
    settings = load_settings()
    names = names_to_run(home, only, without)
    check_replaced(settings, replaced_stores(home))
    home.prepare()
    if home.supervisor() is not None:
        click.echo(f"Already running in {home.path}.")
        print_places(home)
        return
    process = _spawn(home, names, parent=None if detach else os.getpid())
    try:
        with _interruptible():
            _wait_until_ready(home, process)
            if demo:
                load_demo_once(home)
            print_places(home)
            if not detach:
                _stay(home, process)
    except Interrupted:
        click.echo("Stopping ...")
        stop(home)
    except PlatformError:
        stop(home)
        raise


def _spawn(home: Home, names: Sequence[str], parent: int | None) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "interview_data.supervise", str(parent or "-"), *names]
    with open_log(home.log_file(SUPERVISOR)) as log:
        return subprocess.Popen(
            argv,
            env=inherited_environment(home.path),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    def interrupt(*_: object) -> NoReturn:
        # Once: a second Ctrl-C must not cut the stop short.
        for number in former:
            signal.signal(number, signal.SIG_IGN)
        raise Interrupted

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    except Interrupted:
        raise
    else:
        for number, handler in former.items():
            signal.signal(number, handler)


def _wait_until_ready(home: Home, process: subprocess.Popen[bytes]) -> None:
    console = Console(stderr=True)
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    announced: set[str] = set()
    with console.status("starting ...") as spinner:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise StateConflict(f"The supervisor ended: {_last_words(home)}")
            services = _services(home)
            _announce(console, services, announced)
            if services and all(service["state"] == "ready" for service in services):
                return
            _refuse_hopeless(services)
            spinner.update(_progress(services))
            time.sleep(_POLL_SECONDS)
    raise StateConflict(f"Not ready after {START_TIMEOUT_SECONDS:.0f} s: {_progress(services)}")


def _services(home: Home) -> list[dict[str, Any]]:
    """What the supervisor says that runs now; not what one said that was killed."""
    status, running = read_json(home.status_file), home.supervisor()
    if running is None or status.get("supervisor") != list(running):
        return []
    return list(status["services"])


def _announce(console: Console, services: list[dict[str, Any]], announced: set[str]) -> None:
    for service in services:
        name, problem = service["name"], service["problem"]
        if service["state"] == "ready" and name not in announced:
            announced.add(name)
            console.print(f"[green]ready[/green]  {name}", highlight=False)
        elif problem and f"{name}{problem}" not in announced:
            announced.add(f"{name}{problem}")
            console.print(f"[red]failed[/red] {name}: {problem}", highlight=False, markup=True)


def _progress(services: list[dict[str, Any]]) -> str:
    left = [service["name"] for service in services if service["state"] != "ready"]
    return f"starting {', '.join(left)} ..." if left else "starting ..."


def _refuse_hopeless(services: list[dict[str, Any]]) -> None:
    for service in services:
        if service["is_hopeless"] or service["restart_count"] >= DEATHS_UNTIL_HOPELESS:
            raise StateConflict(
                f"{service['name']}: {service['problem']} (log: {service['log_file']})"
            )


def _last_words(home: Home) -> str:
    return " ".join(tail(home.log_file(SUPERVISOR), 1)) or "its log is empty"


def _stay(home: Home, process: subprocess.Popen[bytes]) -> None:
    """Repeat what the supervisor says until it ends or the user does."""
    from interview_data.log_view import follow

    click.echo("Ctrl-C stops everything.")
    for _, line in follow([home.log_file(SUPERVISOR)], lambda: process.poll() is not None):
        click.echo(line)
    if process.returncode != 0:
        raise StateConflict(f"The supervisor ended with status {process.returncode}.")


def stop(home: Home) -> bool:
    """Stop what runs in `home` and wait for it; False where nothing did."""
    running = home.supervisor()
    if running is None:
        # What a supervisor that was killed may have left.
        end_remnants(home)
        home.environment_file.unlink(missing_ok=True)
        return False
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    while home.supervisor() is not None:
        if running.pid == 0:
            running = home.supervisor() or running
        elif is_alive(running):
            os.kill(running.pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            raise StateConflict(f"Not stopped after {STOP_TIMEOUT_SECONDS:.0f} s; see `status`.")
        time.sleep(_POLL_SECONDS)
    return True
