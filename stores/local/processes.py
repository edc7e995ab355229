"""Processes by pid and start time, because a pid alone may be somebody else's by now.

Belongs here: what /proc says and ending a group of processes. It imports nothing but the
standard library, for `guard.py` starts without site packages.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Identity(NamedTuple):
    """A process that cannot be mistaken: ticks since boot at which it started."""

    pid: int
    started: int


def identify(pid: int) -> Identity | None:
    """The process `pid` as it is now; None where there is none, or only its exit status."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name, in brackets, may itself hold spaces and brackets.
    fields = text[text.rindex(")") + 2 :].split()
    if fields[0] in "ZX":
        return None
    return Identity(pid, int(fields[19]))


def is_alive(identity: Identity) -> bool:
    """Whether this very process still runs."""
    return identify(identity.pid) == identity


def has_group(group: int) -> bool:
    """Whether a process group has members left, apart from exit statuses."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            text = (entry / "stat").read_text()
            state, _, member_of = text[text.rindex(")") + 2 :].split()[:3]
            if int(member_of) == group and state not in "ZX":
                return True
    return False


def signal_group(group: int, number: int) -> None:
    """Send `number` to every member of the group; nothing where it has none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_groups(groups: Iterable[tuple[Identity, int]], patience_seconds: float) -> None:
    """End leaders with their groups: (leader, stop signal) each, by force after a while."""
    alive = [(leader, stop) for leader, stop in groups if is_alive(leader)]
    for leader, stop in alive:
        signal_group(leader.pid, stop)
    deadline = time.monotonic() + patience_seconds
    while any(has_group(leader.pid) for leader, _ in alive) and time.monotonic() < deadline:
        time.sleep(0.05)
    for leader, _ in alive:
        signal_group(leader.pid, signal.SIGKILL)
