"""What the supervisor must know of a process, and how to ask a server whether it answers.

Belongs here: the description of a process and the checks that several need. Which
processes there are is said by `stack.py` and, for the platform's own, by those above.
"""

import base64
import http.client
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CHECK_TIMEOUT_SECONDS = 3.0


def _nothing() -> None:
    """Most processes need no preparation."""


@dataclass(frozen=True)
class Account:
    """The user that a child becomes, with at most one capability of root's."""

    user_id: int
    group_id: int
    capability: int = -1


@dataclass(frozen=True)
class Service:
    """One process.

    `prepare` runs before each start and `after_start` (a command) after each, before
    the service counts as ready; so what a server keeps in memory only is put back.
    `check` raises OSError or ValueError while the process does not answer.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log_file: Path
    check: Callable[[], None] = _nothing
    prepare: Callable[[], None] = _nothing
    after_start: tuple[str, ...] = ()
    after_start_env: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    # Started with what it depends on, not after it: it takes longer to load than they do.
    is_started_at_once: bool = False
    data_folder: Path | None = None
    port: int | None = None
    url: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    # For a process that, asked alone, would first wait for what its children do.
    is_stopped_with_children: bool = False
    start_seconds: float = 60.0
    # For a process that has no port to ask: ready once it has run for so long.
    steady_seconds: float = 0.0
    account: Account | None = None
    cwd: Path | None = None


def set_up_command(*stores: str) -> tuple[str, ...]:
    """What makes stores that answer ready for use."""
    return (sys.executable, "-m", "stores.local.set_up", *stores)


def check_tcp(port: int) -> None:
    """Somebody listens."""
    socket.create_connection(("127.0.0.1", port), CHECK_TIMEOUT_SECONDS).close()


def check_http(
    port: int, path: str, expected: bytes = b"", credentials: tuple[str, str] | None = None
) -> None:
    """GET `path` answers 200 and a body that holds `expected`."""
    headers = {"Authorization": _basic(*credentials)} if credentials else {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CHECK_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != http.client.OK or expected not in body:
            raise ValueError(f"GET {path} answers {response.status}")
    except http.client.HTTPException as error:
        raise ValueError(f"GET {path}: {error!r}") from error
    finally:
        connection.close()


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
