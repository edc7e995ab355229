"""Which port each process gets: its own if it is free, else another, and the same next time.

Belongs here: choosing and reserving. Which port is a process's own is a setting.
"""

import errno
import socket
from collections.abc import Iterable

from stores.errors import StateConflict

_TRIES = 200


class PortReservations:
    """Ports that no other home on this machine will choose while this process lives.

    A name in the abstract socket namespace is held per port: like ports these belong to
    the network namespace, and the kernel frees them with their holder. So two homes
    that start at once do not choose the same port before either has bound it.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def choose(self, own: int, remembered: int | None = None) -> int:
        """The remembered port, else `own`, else the next free one above it."""
        for port in _candidates(own, remembered):
            if self._reserve(port):
                return port
        raise StateConflict(f"no free port between {own} and {own + _TRIES} on 127.0.0.1")

    def _reserve(self, port: int) -> bool:
        if port in self._held or not is_free(port):
            return False
        name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            name.bind(f"\0interview-data-port-{port}")
        except OSError as error:
            name.close()
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        self._held[port] = name
        return True


def _candidates(own: int, remembered: int | None) -> Iterable[int]:
    if remembered is not None:
        yield remembered
    yield from range(own, min(own + _TRIES, 65536))


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that linger after a stop do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
