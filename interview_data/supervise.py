"""The process that `up` starts: it runs the stack of one home until it is stopped.

Belongs here: putting stores and platform together under one supervisor. What the user
sees is in `commands/stack.py`.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from interview_data.platform import APPLICATIONS, application_services
from stores.errors import PlatformError, StateConflict
from stores.local.home import Home
from stores.local.ports import PortReservations
from stores.local.service import set_up_command
from stores.local.stack import STORES, choose, forget_own_urls, plan, replaced_stores
from stores.local.supervisor import Supervisor
from stores.settings import inherited_environment, load_settings

_PR_SET_PDEATHSIG = 1
_SET_UP_TIMEOUT_SECONDS = 120


def names_to_run(home: Home, only: Sequence[str], without: Sequence[str]) -> list[str]:
    """The processes asked for, without the stores that the environment replaces."""
    replaced = replaced_stores(home)
    left_out = set(replaced)
    if "search" in without and "search" not in replaced:
        # It does nothing but fill the search server.
        left_out.add("search-indexer")
    return [
        name for name in choose([*STORES, *APPLICATIONS], only, without) if name not in left_out
    ]


def main(names: Sequence[str], parent: int | None) -> int:
    """Run the processes `names`. With `parent`, stop as soon as that process has gone."""
    # Ctrl-C reaches the whole foreground group; the command line passes it on in order.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if parent is not None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            return 1
    home = Home(load_settings().interview_data_home)
    lock = home.lock()
    if lock is None:
        raise StateConflict(f"another supervisor runs in {home.path}")
    forget_own_urls(home)
    # Held as long as this process lives, like the ports.
    reservations = PortReservations()
    stack = plan(home, load_settings(), reservations, names)
    stack.publish()
    set_up_replaced(home)
    services = [*stack.services, *application_services(home, stack.ports, names)]
    supervisor = Supervisor(home, services)
    signal.signal(signal.SIGTERM, supervisor.request_stop)
    for move in stack.moves:
        supervisor.report("ports", move)
    supervisor.run()
    home.environment_file.unlink(missing_ok=True)
    lock.close()
    return 0


def set_up_replaced(home: Home) -> None:
    """Migrate and configure the servers of one's own, as `up` does with embedded ones."""
    given = [store for store in replaced_stores(home) if store not in ("redis", "event-bus")]
    if given:
        command, env = set_up_command(*given), inherited_environment(home.path)
        done = subprocess.run(command, env=env, check=False, timeout=_SET_UP_TIMEOUT_SECONDS)
        if done.returncode != 0:
            raise StateConflict(f"{', '.join(given)} could not be set up; see above")


if __name__ == "__main__":
    _, parent_text, *chosen = sys.argv
    try:
        sys.exit(main(chosen, int(parent_text) if parent_text != "-" else None))
    except PlatformError as error:
        sys.exit(f"Error: {error}")
