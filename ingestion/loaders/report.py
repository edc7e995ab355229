"""What a load did: counted, and with every part that was left out and why.

Belongs here: the report's shape and its JSON. How it is printed belongs to the command.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

# A file of a million bad lines must not make a report of a million entries.
LISTED_AT_MOST = 200

# Called with what is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


def no_progress(_what: str, _done: int, _total: int) -> None:
    """For callers who show nothing."""


@dataclass(frozen=True)
class Skipped:
    """A part of the input that became no row: where it is (file and line), and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class Written:
    """How many rows of one table a load brought, by what became of them."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
        )


@dataclass
class Posted:
    """How many events one endpoint was given, and what it answered.

    `duplicates` were known already; `taken` are the ids that are accepted now or were before;
    `landed` is how many of those were seen in ClickHouse, None where nobody waited for that.
    """

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    taken: int = 0
    landed: int | None = None


@dataclass
class LoadReport:
    """The result of one load. `notes` say what was decided where the input left a choice."""

    kind: str
    source: str
    shift_weeks: int = 0
    is_repeat: bool = False
    tables: dict[str, Written] = field(default_factory=dict)
    posted: dict[str, Posted] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    skipped_by_reason: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def skip(self, where: str, reason: str, *, is_listed: bool = True) -> None:
        """Count what was left out, and list it while the list is short enough to be read."""
        self.skipped_by_reason[reason] += 1
        if is_listed and len(self.skipped) < LISTED_AT_MOST:
            self.skipped.append(Skipped(where, reason))

    def add_written(self, written: dict[str, Written]) -> None:
        for table, counts in written.items():
            self.tables[table] = self.tables.get(table, Written()) + counts

    @property
    def missing_count(self) -> int:
        """Accepted events that were waited for and did not appear in time."""
        return sum(
            posted.taken - posted.landed
            for posted in self.posted.values()
            if posted.landed is not None
        )

    def to_json(self) -> dict[str, Any]:
        # `asdict` would count the pairs of a Counter instead of copying it.
        plain = replace(self, skipped_by_reason=dict(self.skipped_by_reason))  # type: ignore[arg-type]
        return asdict(plain)
