"""The process that `up` starts: it runs the stack of one home until it is stopped.

Belongs here: putting stores and platform together under one supervisor. What the user
sees is in `commands/stack.py`.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

from interview_data.platform import APPLICATIONS, application_services
from stores.local.home import Home
from stores.local.ports import PortReservations
from stores.local.stack import STORES, choose, plan, replaced_stores
from stores.local.supervisor import Supervisor
from stores.settings import load_settings

_PR_SET_PDEATHSIG = 1


def names_to_run(only: Sequence[str], without: Sequence[str]) -> list[str]:
    """The processes asked for, without the stores that the environment replaces."""
    replaced = replaced_stores()
    return [
        name for name in choose([*STORES, *APPLICATIONS], only, without) if name not in replaced
    ]


def main(names: Sequence[str], parent: int | None) -> int:
    """Run the processes `names`. With `parent`, stop as soon as that process has gone."""
    settings = load_settings()
    home = Home(settings.interview_data_home)
    lock = home.lock()
    if lock is None:
        return 1
    if parent is not None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    reservations = PortReservations()
    stack = plan(home, settings, reservations, names)
    stack.publish()
    services = [*stack.services, *application_services(home, stack.ports, names)]
    supervisor = Supervisor(home, services)
    signal.signal(signal.SIGTERM, supervisor.request_stop)
    # Ctrl-C reaches the whole foreground group; the command line passes it on in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if parent is not None and os.getppid() != parent:
        return 1
    supervisor.run()
    home.environment_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    _, parent_text, *chosen = sys.argv
    sys.exit(main(chosen, int(parent_text) if parent_text != "-" else None))
