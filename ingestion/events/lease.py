"""One writer at a time: whoever holds the lease on the bus lands events, others wait.

Belongs here: getting, keeping and noticing the loss of the lease. It ends by itself a while
after its holder died; on the same machine a successor sees that at once and does not wait.
"""

import os
import socket
import threading
import uuid
from types import TracebackType

import psutil

from stores.errors import StateConflict, TransientError
from stores.event_bus.interface import EventBus

NAME = "writer"
SECONDS = 15.0
RENEW_SECONDS = 3.0


def new_holder() -> str:
    """A name that nobody else ever has: host, process id, its time of start, and a number."""
    return f"{_name(psutil.Process(os.getpid()))}:{uuid.uuid4().hex[:8]}"


def _name(process: psutil.Process) -> str:
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.2f}"


def _is_dead(holder: str) -> bool:
    """Whether `holder` was a process of this machine and is no more; of others nothing is known."""
    host, pid, _, number = holder.rsplit(":", 3)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        return f"{_name(process)}:{number}" != holder or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Lease:
    """The right to land events. Use as a context once `acquire` has answered True."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._holder = new_holder()
        self._done = threading.Event()
        self._lost = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self) -> bool:
        """Become the holder, if nobody living is."""
        if self._bus.hold(NAME, self._holder, SECONDS):
            return True
        other = self._bus.holder(NAME)
        if other is not None and _is_dead(other):
            self._bus.release(NAME, other)
            return self._bus.hold(NAME, self._holder, SECONDS)
        return False

    def check(self) -> None:
        """Raises StateConflict where another may have become the holder."""
        if self._lost.is_set():
            raise StateConflict("the lease of the event writer was lost; it must be acquired anew")

    def __enter__(self) -> "Lease":
        """Renew in the background from now on."""
        self._done.clear()
        self._lost.clear()
        self._thread = threading.Thread(target=self._renew, name="event-writer-lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop renewing and give it back."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        try:
            self._bus.release(NAME, self._holder)
        except TransientError:
            # It ends by itself.
            return

    def _renew(self) -> None:
        missed = 0.0
        while not self._done.wait(RENEW_SECONDS):
            try:
                if not self._bus.hold(NAME, self._holder, SECONDS):
                    self._lost.set()
                    return
                missed = 0.0
            except TransientError:
                missed += RENEW_SECONDS
                if missed >= SECONDS - RENEW_SECONDS:
                    self._lost.set()
                    return
