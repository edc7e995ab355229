"""What every event bus does, whichever server is behind it.

A topic is a durable log in partitions; a message carries many events, so that a batch costs
one append. One group reads each topic: whoever may read a partition is handed its messages in
order, and settles them once their rows are where they belong. Settled messages may be trimmed,
others never. Who may read which partition is not the bus's business: see `ingestion.events`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

GROUP = "analytics"


@dataclass(frozen=True)
class Message:
    """Lines to publish together: `body` is NDJSON of `event_count` lines.

    Messages of one `key` keep their order, for they share a partition; without a key any will do.
    `trace` is the `traceparent` of a request whose lines are among them, where it is traced.
    """

    body: bytes
    event_count: int
    key: bytes | None = None
    trace: str = ""


@dataclass(frozen=True)
class Delivery:
    """A message as read: its `position` in the `partition`, and when the bus took it."""

    position: str
    body: bytes
    event_count: int
    partition: int = 0
    published_at_ms: int = 0
    trace: str = ""

    @property
    def place(self) -> str:
        """Where it is in its topic."""
        return f"{self.partition}/{self.position}"

    @property
    def taken(self) -> datetime:
        """When the bus took it."""
        return datetime.fromtimestamp(self.published_at_ms / 1000, UTC)


class Span(NamedTuple):
    """Messages of a partition that follow each other, and how many events they hold."""

    partition: int
    first: str
    last: str
    event_count: int


@dataclass(frozen=True)
class Counts:
    """What became of the events of a topic."""

    landed_count: int = 0
    duplicate_count: int = 0
    conflict_count: int = 0
    dead_letter_count: int = 0

    @property
    def settled_count(self) -> int:
        """Those that need nothing more."""
        return sum(asdict(self).values())

    def since(self, earlier: "Counts") -> "Counts":
        """What was added after `earlier`."""
        return Counts(**{name: n - getattr(earlier, name) for name, n in asdict(self).items()})


class AsyncPublisher(Protocol):
    """For the API: many requests share it."""

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Return once all of `messages` are durable. Raises TransientError where they are not."""

    async def ping(self) -> None:
        """Raises StoreUnavailable where the bus does not answer."""

    async def close(self) -> None:
        """Give the connections back."""


class EventBus(Protocol):
    """For the writer and the command line: one thread at a time."""

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """As AsyncPublisher.publish."""

    def partitions(self, topic: str) -> list[int]:
        """Every partition there is, also those of a larger number that was set before."""

    def open(self, topic: str, partitions: Iterable[int]) -> None:
        """Read these from now on and no others; of a new one, first what was not settled.

        Closing a partition and opening it again hands out again what was not settled.
        """

    def consume(self, topic: str, limit: int) -> list[Delivery]:
        """About `limit` further messages of the open partitions; none at once if none."""

    def between(self, topic: str, span: Span) -> list[Delivery]:
        """The messages of `span`, or none where they are gone."""

    def since(self, topic: str, moment: datetime) -> Iterator[Delivery]:
        """What is still kept of the messages taken at `moment` or later, up to now."""

    def wait(self, topics: Sequence[str], seconds: float) -> None:
        """Return when the open partitions have something new, or after `seconds`."""

    def settle(self, topic: str, spans: Sequence[Span]) -> None:
        """These are done: hand them out no more. Repeating it changes nothing."""

    def ends(self, topic: str) -> dict[int, str]:
        """Where each partition ends now."""

    def is_settled(self, topic: str, ends: Mapping[int, str]) -> bool:
        """Whether all before `ends` has been settled."""

    def lag(self, topic: str) -> int:
        """How much is not settled: events, or messages where the server cannot tell events."""

    def ping(self) -> None:
        """Raises StoreUnavailable where the bus does not answer."""

    def close(self) -> None:
        """Give the connections back."""


def spans_of(deliveries: Iterable[Delivery]) -> list[Span]:
    """`deliveries` by partition, each from its first to its last."""
    found: dict[int, Span] = {}
    for item in deliveries:
        earlier = found.get(item.partition)
        first = earlier.first if earlier else item.position
        count = (earlier.event_count if earlier else 0) + item.event_count
        found[item.partition] = Span(item.partition, first, item.position, count)
    return list(found.values())
