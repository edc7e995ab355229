"""How fresh what a panel shows is.

Belongs here: reading rollups.rollup_freshness and judging it. A panel's freshness is that
of its slowest source.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from serving.dashboards import formatting

# The platform promises rollups within a minute; several missed rounds are worth a warning.
REFRESH_LATE_AFTER = timedelta(minutes=5)
# A source without any row has this watermark.
NOTHING_YET = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Freshness:
    """How new the newest row is, when all was last known to be in, and whether that is late."""

    data_until: datetime
    refreshed_at: datetime
    now: datetime

    @property
    def is_late(self) -> bool:
        """Whether the refresh is overdue."""
        return formatting.is_older(self.refreshed_at, self.now, REFRESH_LATE_AFTER)

    @property
    def known_until(self) -> datetime:
        """A source that was quiet until the last refresh had nothing; after it nobody knows."""
        return max(self.data_until, self.refreshed_at)

    @property
    def data_until_text(self) -> str:
        """The watermark, readable."""
        return formatting.moment(self.data_until, self.now)

    @property
    def refreshed_text(self) -> str:
        """The age of the last refresh."""
        return formatting.age(self.refreshed_at, self.now)


def of_sources(
    rows: Iterable[Mapping[str, Any]], names: Iterable[str], now: datetime
) -> Freshness | None:
    """The freshness of what is made from `names`; None where none has data yet."""
    wanted = set(names)
    found = [
        row
        for row in rows
        if row["name"] in wanted and formatting.as_utc(row["data_until"]) > NOTHING_YET
    ]
    if not found:
        return None
    return Freshness(
        data_until=min(formatting.as_utc(row["data_until"]) for row in found),
        refreshed_at=min(formatting.as_utc(row["refreshed_at"]) for row in found),
        now=now,
    )
