"""Become another program, in such a way that it does not outlive the supervisor.

Run as a file by an isolated interpreter, because a Python function between fork and exec
is not safe where threads run. It sets the signal that the kernel sends when the parent
dies, gives up root where asked to, lets every signal do what it does by default, and executes
the program:

    run_child.py PARENT_PID SIGNAL USER_ID GROUP_ID CAPABILITY -- PROGRAM ARGUMENT...
"""

import ctypes
import os
import signal
import struct
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Never returns."""
    # A program that was started in the background ignores SIGINT, and so would what it starts.
    for ending in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    split = arguments.index("--")
    parent, number, user, group, capability = (int(value) for value in arguments[:split])
    program = arguments[split + 1 :]
    kernel = ctypes.CDLL(None, use_errno=True)
    if user >= 0:
        _become(kernel, user, group, capability)
    # A change of user clears the setting, so it comes after it.
    _check(kernel.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0), "PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        sys.exit("the supervisor ended while this process started")
    os.execv(program[0], program)  # noqa: S606  becoming the program is the point


def _become(kernel: ctypes.CDLL, user: int, group: int, capability: int) -> None:
    if capability >= 0:
        _check(kernel.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "PR_SET_KEEPCAPS")
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
    if capability < 0:
        return
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    _check(kernel.capset(header, struct.pack("6I", bit, bit, bit, 0, 0, 0)), "capset")
    raised = kernel.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)
    _check(raised, "PR_CAP_AMBIENT")


def _check(result: int, what: str) -> None:
    if result != 0:
        sys.exit(f"{what} failed: {os.strerror(ctypes.get_errno())}")


main(sys.argv[1:])
