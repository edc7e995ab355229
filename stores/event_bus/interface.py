"""What every event bus does, whichever server is behind it.

A topic is a durable log of messages; a message carries many events, so that a batch costs
one append. One group reads each topic: it is handed messages in order, and acknowledges
them once their rows are where they belong. Acknowledged messages may be trimmed, others never.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

GROUP = "analytics"


@dataclass(frozen=True)
class Message:
    """Lines to publish together: `body` is NDJSON of `event_count` lines."""

    body: bytes
    event_count: int


@dataclass(frozen=True)
class Delivery:
    """A message as read, with its `position` in the topic."""

    position: str
    body: bytes
    event_count: int


@dataclass(frozen=True)
class Counts:
    """Events of a topic since it exists: what came in, and what became of it."""

    published_count: int = 0
    landed_count: int = 0
    duplicate_count: int = 0
    dead_letter_count: int = 0

    @property
    def settled_count(self) -> int:
        """Those that need nothing more."""
        return self.landed_count + self.duplicate_count + self.dead_letter_count

    @property
    def lag_count(self) -> int:
        """Those still on their way."""
        return max(0, self.published_count - self.settled_count)

    def since(self, earlier: "Counts") -> "Counts":
        """What was added after `earlier`."""
        return Counts(**{name: n - getattr(earlier, name) for name, n in asdict(self).items()})


class AsyncPublisher(Protocol):
    """For the API: many requests share it."""

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Return once all of `messages` are on disk. Raises TransientError where they are not."""

    async def ping(self) -> None:
        """Raises StoreUnavailable where the bus does not answer."""

    async def close(self) -> None:
        """Give the connections back."""


class EventBus(Protocol):
    """For the writer and the command line: one thread at a time."""

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """As AsyncPublisher.publish."""

    def consume(self, topic: str, limit: int) -> list[Delivery]:
        """Up to `limit` messages nobody was handed yet, oldest first; none at once if none."""

    def pending(self, topic: str, limit: int) -> list[Delivery]:
        """Up to `limit` messages handed out and not acknowledged, oldest first."""

    def between(self, topic: str, first: str, last: str) -> list[Delivery]:
        """The messages from `first` to `last`, both included."""

    def wait(self, topics: Sequence[str], seconds: float) -> None:
        """Return when something new can be consumed, or after `seconds`."""

    def remember(self, topic: str, note: bytes) -> None:
        """Keep `note` for this topic, on disk before it returns, until the next ack."""

    def recall(self, topic: str) -> bytes | None:
        """The note kept for this topic, if any."""

    def ack(self, topic: str, positions: Sequence[str], settled: Counts) -> None:
        """Mark as done and add `settled` to the counts, once; forget the note; trim."""

    def counts(self, topic: str) -> Counts:
        """What came in and what became of it."""

    def hold(self, name: str, holder: str, seconds: float) -> bool:
        """Become or stay the one holder of `name` for `seconds`; False where another is."""

    def holder(self, name: str) -> str | None:
        """Who holds `name`."""

    def release(self, name: str, holder: str) -> None:
        """Stop holding `name`, if `holder` still does."""

    def ping(self) -> None:
        """Raises StoreUnavailable where the bus does not answer."""

    def close(self) -> None:
        """Give the connections back."""
