"""What a reconciliation found.

Belongs here: its shape and its JSON. How it is printed belongs to the command.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

# All are counted; more than these are not written out.
LISTED_AT_MOST = 200


@dataclass(frozen=True)
class Difference:
    """One number that is not the same in all places. None: the place does not keep it."""

    user_id: UUID
    detail: str
    amounts: Mapping[str, int | None]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Reconciled:
    """One subject in one month: a metered resource, or the activity of users."""

    subject: str
    month: date
    compared_count: int
    totals: Mapping[str, int | None]
    differing_count: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Report:
    """All subjects and months that were looked at."""

    reconciled_at: datetime
    items: tuple[Reconciled, ...]

    @property
    def differing_count(self) -> int:
        return sum(item.differing_count for item in self.items)

    @property
    def is_equal(self) -> bool:
        return self.differing_count == 0

    def of(self, subject: str) -> tuple[Reconciled, ...]:
        """The months of one subject."""
        return tuple(item for item in self.items if item.subject == subject)

    def to_json(self) -> dict[str, Any]:
        return {"is_equal": self.is_equal, **asdict(self)}
