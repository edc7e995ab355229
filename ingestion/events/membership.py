"""Which writer reads which partition, and whose turn it is to insert.

Belongs here: getting, sharing, keeping and noticing the loss of leases in PostgreSQL. Each member
takes its share of every topic's partitions and gives back what is over it when another joins. A
lease ends by itself a while after its holder died; where that was a process of this machine, the
others see it at once and do not wait.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from types import TracebackType

import psutil

from stores.errors import StateConflict, TransientError
from stores.event_bus.interface import EventBus
from stores.postgres.event_landings import EventLandings, Turn

SECONDS = 15.0
RENEW_SECONDS = 3.0
# Not renewed for so long: another may soon be, and what we hold is not certain any more.
_DOUBTFUL_SECONDS = SECONDS - RENEW_SECONDS
_MEMBER = "member/"


def new_holder() -> str:
    """A name that nobody else ever has: host, process id, its time of start, and a number."""
    return f"{_name(psutil.Process(os.getpid()))}:{uuid.uuid4().hex[:8]}"


def lease_name(topic: str, partition: int) -> str:
    """The lease of a partition."""
    return f"{topic}/{partition}"


def _name(process: psutil.Process) -> str:
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.2f}"


def is_dead(holder: str) -> bool:
    """Whether `holder` was a process of this machine and is no more; of others nothing is known."""
    parts = holder.rsplit(":", 3)
    if len(parts) != 4 or parts[0] != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(parts[1]))
        is_other = f"{_name(process)}:{parts[3]}" != holder
        return is_other or process.status() == psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ValueError):
        return True


class Membership:
    """What this writer may do. Use as a context, which keeps the leases.

    A guest takes only partitions that nobody has: it helps out and takes nothing away.
    """

    def __init__(
        self, bus: EventBus, landings: EventLandings, topics: Sequence[str], is_guest: bool = False
    ) -> None:
        self.holder = new_holder()
        self._bus = bus
        self._landings = landings
        self._topics = topics
        self._is_guest = is_guest
        self._names: set[str] = set()
        self._dead: list[str] = []
        self._renewed_at = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="event-leases", daemon=True)

    def __enter__(self) -> "Membership":
        """Keep what is held from now on."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give everything back."""
        self._done.set()
        self._thread.join()
        try:
            self._landings.release_all(self.holder)
        except TransientError:
            # It ends by itself.
            return

    def check(self) -> None:
        """Raises StateConflict where another may have become the holder."""
        if time.monotonic() - self._renewed_at > _DOUBTFUL_SECONDS:
            raise StateConflict("the leases of this event writer were not renewed in time")

    def owned(self, topic: str) -> set[int]:
        """The partitions that are ours to read."""
        mine = (name.rpartition("/") for name in self._names)
        return {int(number) for held, _, number in mine if held == topic}

    def take_turn(self, topic: str, pace_seconds: float) -> Turn | None:
        """As EventLandings says."""
        return self._landings.take_turn(topic, self.holder, SECONDS, pace_seconds, self._dead)

    def refresh(self) -> None:
        """Take our share of the partitions, give back what is over it, and open what is ours."""
        holders = self._landings.holders()
        everybody = {*holders.values(), *self._landings.turn_holders()}
        self._dead = [name for name in sorted(everybody) if is_dead(name)]
        living = {name: who for name, who in holders.items() if who not in self._dead}
        if not self._is_guest:
            self._landings.hold([_MEMBER + self.holder], self.holder, SECONDS)
        members = {who for name, who in living.items() if name.startswith(_MEMBER)} | {self.holder}
        for topic in self._topics:
            self._share(topic, living, 1 if self._is_guest else len(members))

    def _share(self, topic: str, living: dict[str, str], members: int) -> None:
        names = [lease_name(topic, number) for number in self._bus.partitions(topic)]
        mine = [name for name in names if name in self._names]
        share = -(-len(names) // members)
        free = [name for name in names if name not in living and name not in mine]
        surplus, wanted = mine[share:], free[: max(0, share - len(mine))]
        self._names -= set(surplus)
        if wanted:
            self._names |= self._hold(wanted)
        # Stop reading before another may begin.
        self._bus.open(topic, self.owned(topic))
        if surplus:
            self._landings.release(surplus, self.holder)

    def _hold(self, names: Iterable[str]) -> set[str]:
        return self._landings.hold(names, self.holder, SECONDS, self._dead)

    def _renew(self) -> None:
        """On a connection of its own: the writer's may be busy."""
        landings = EventLandings()
        while not self._done.wait(RENEW_SECONDS):
            before = set(self._names)
            try:
                kept = landings.renew(self.holder, SECONDS)
            except TransientError:
                continue
            self._names -= before - kept
            self._renewed_at = time.monotonic()
        landings.close()
