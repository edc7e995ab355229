"""What runs in a home, read from the supervisor's file and from the machine.

Belongs here: the answer of `status`, and the table of what is where.
"""

import contextlib
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from interview_data.commands.dashboard import login_link
from stores.errors import PlatformError
from stores.local.home import Home, read_json

_PIPE_WIDTH = 200
HEADINGS = ("process", "state", "since", "pid", "restarts", "memory", "where", "last exit")
STATE_STYLES = {"ready": "green", "unhealthy": "red", "backoff": "red", "stopped": "dim"}


def read_status(home: Home) -> dict[str, Any]:
    """Every process with its state. A file left by a killed supervisor says nothing runs."""
    found = read_json(home.status_file)
    supervisor = home.supervisor()
    is_running = supervisor is not None
    services = [_with_memory(service, is_running) for service in found.get("services", [])]
    return {
        "home": str(home.path),
        "is_running": is_running,
        "is_ready": is_running
        and bool(services)
        and all(service["state"] == "ready" for service in services),
        "supervisor_pid": supervisor.pid if supervisor else None,
        "log_folder": str(home.log_file("x").parent),
        "services": services,
    }


def _with_memory(service: dict[str, Any], is_running: bool) -> dict[str, Any]:
    kept = {key: value for key, value in service.items() if key not in ("started", "stop_signal")}
    if not is_running:
        return {**kept, "state": "stopped", "pid": None, "since": "", "memory_bytes": 0}
    pid = service["pid"]
    return {
        **kept,
        "since": started_at(pid) if pid else "",
        "memory_bytes": memory_bytes(pid) if pid else 0,
    }


def started_at(pid: int) -> str:
    """When the process started, as ISO 8601 in UTC; empty where it has gone."""
    import psutil

    with contextlib.suppress(psutil.Error):
        moment = datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return ""


def memory_bytes(pid: int) -> int:
    """What a process and its children use, shared memory counted once where the system says so."""
    import psutil

    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += _proportional(member)
    return total


def _proportional(process: Any) -> int:
    import psutil

    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)


def _console() -> Console:
    """As wide as the terminal; a file or a pipe gets lines that are not cut."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def print_status(found: dict[str, Any]) -> None:
    """As a table."""
    console = _console()
    if not found["is_running"]:
        console.print(f"Nothing runs in {found['home']}. Start it with `interview-data up`.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        # In a narrow terminal an address goes on in the next line; a cut one is of no use.
        table.add_column(
            heading,
            justify="right" if heading in ("pid", "memory") else "left",
            overflow="fold",
            no_wrap=heading == "since",
        )
    for service in found["services"]:
        style = STATE_STYLES.get(service["state"], "yellow")
        table.add_row(
            service["name"],
            f"[{style}]{service['state']}[/{style}]",
            service["since"][5:16].replace("T", " "),
            str(service["pid"] or ""),
            str(service["restart_count"] or ""),
            f"{service['memory_bytes'] / 2**20:.0f} MB",
            service["url"],
            service["last_exit"],
        )
    console.print(table)


def print_places(home: Home) -> None:
    """What is where, once everything is ready."""
    found = read_status(home)
    values = read_json(home.environment_file)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    console = _console()
    if api := values.get("API_URL"):
        is_read = console.is_terminal
        table.add_row("Dashboard", _dashboard_url(api, values.get("API_KEY") if is_read else None))
        table.add_row("", "`interview-data dashboard` prints a link that opens it signed in, once")
        table.add_row("API docs", f"{api}/docs")
    if dagster := values.get("DAGSTER_URL"):
        table.add_row("Dagster", dagster)
    for service in found["services"]:
        if service["url"] and service["name"] not in ("api", "dagster"):
            table.add_row(service["name"], service["url"])
    table.add_row("Logs", found["log_folder"])
    table.add_row("Credentials", "interview-data env")
    console.print(table)


def _dashboard_url(api_url: str, api_key: str | None) -> str:
    """Signed in for a person at a terminal; a log must not keep what opens a session."""
    if api_key:
        with contextlib.suppress(PlatformError):
            return login_link(api_url, api_key)
    return f"{api_url}/dashboards/usage"
