"""The counters of quota use, all of them.

Belongs here: finding and reading them. Who counts with them is `usage_key`'s business.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from stores.errors import StoreUnavailable
from stores.redis_store import client
from stores.redis_store.keys import Database, usage_key

_AT_ONCE = 1_000


@dataclass(frozen=True)
class UsageCounter:
    """What a counter counts: a resource that a user uses in a month."""

    month: date
    user_id: UUID
    resource: str


def read_usage_counters(url: str | None = None) -> Iterator[tuple[UsageCounter, int]]:
    """Every counter with its number. Raises StoreUnavailable."""
    try:
        with client.connect(Database.USAGE, url) as redis:
            names = redis.scan_iter(match="usage:*", count=_AT_ONCE)
            counters = ((name, found) for name in names if (found := _counter(name)))
            while part := list(islice(counters, _AT_ONCE)):
                numbers: Any = redis.mget([name for name, _ in part])
                for (_, counter), number in zip(part, numbers, strict=True):
                    if number is not None:
                        yield counter, int(number)
    except client.Error as error:
        raise StoreUnavailable(f"REDIS_URL: Redis does not answer: {error}") from error


def _counter(name: str) -> UsageCounter | None:
    """The counter of that name; none, where it is what stands beside a counter."""
    parts = name.split(":")
    if len(parts) != 4:
        return None
    try:
        month = datetime.strptime(parts[3], "%Y-%m").replace(tzinfo=UTC)
        counter = UsageCounter(month.date(), UUID(parts[1]), parts[2])
    except ValueError:
        return None
    return counter if usage_key(counter.user_id, counter.resource, month) == name else None
