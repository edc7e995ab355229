"""The page of dead letters: what could not be taken, why, and for how long it has been waiting.

Belongs here: what the page shows of each letter and the filters in its address. Where letters
come from, and how they are replayed, belongs to `ingestion.events`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

PAGE_SIZE = 50
BODY_SHOWN_BYTES = 4096
STATES = {"open": "Waiting", "replayed": "Replayed", "all": "All"}
_NEWEST = "2200-01-01 00:00:00.000"
# Above every UUID.
_LAST_ID = "g"


@dataclass(frozen=True)
class LetterFilters:
    """Which letters; `before` and `before_id` are where the page begins, the last one's shown."""

    topic: str = ""
    rule: str = ""
    state: str = "open"
    before: str = ""
    before_id: str = ""

    def query(self, **changes: str) -> str:
        """The address's query with `changes`; a change of a filter begins at the newest."""
        if "before" not in changes:
            changes |= {"before": "", "before_id": ""}
        given = vars(replace(self, **changes))
        return urlencode({name: value for name, value in given.items() if value})

    def parameters(self) -> dict[str, Any]:
        """For the question."""
        return {
            "topic": self.topic,
            "rule": self.rule,
            "state": self.state,
            "before": self.before or _NEWEST,
            "before_id": self.before_id or _LAST_ID,
            "limit": PAGE_SIZE + 1,
            "body_limit": BODY_SHOWN_BYTES,
        }


def parse(given: Mapping[str, str]) -> LetterFilters:
    """The filters of an address; what it does not know is left out."""
    state = given.get("state", "open")
    before = given.get("before", "")
    try:
        datetime.fromisoformat(before)
    except ValueError:
        before = ""
    return LetterFilters(
        given.get("topic", "")[:100],
        given.get("rule", "")[:200],
        state if state in STATES else "open",
        before[:40],
        given.get("before_id", "")[:36] if before else "",
    )


@dataclass(frozen=True)
class Letter:
    """One letter as a person reads it."""

    id: str
    topic: str
    source: str
    event_id: str
    field: str
    rule: str
    reason: str
    body: str
    is_cut: bool
    body_bytes: int
    received_at: datetime
    replayed_at: datetime | None
    outcome: str

    @property
    def received_text(self) -> str:
        """When, to the second."""
        return f"{self.received_at:%Y-%m-%d %H:%M:%S}"


def readable(body: bytes) -> str:
    """Bytes as text; those that are none stand as \\xNN."""
    return body.decode("utf-8", "backslashreplace")


def letter(row: Mapping[str, Any]) -> Letter:
    """A row of the question as a letter."""
    body = bytes.fromhex(row["body_hex"])
    return Letter(
        row["dead_letter_id"],
        row["topic"],
        row["source"],
        row["event_id"],
        row["field"],
        row["rule"],
        row["reason"],
        readable(body),
        row["body_bytes"] > len(body),
        row["body_bytes"],
        _utc(row["received_at"]),
        _utc(row["replayed_at"]) if row["replayed_at"] else None,
        row["outcome"] or "",
    )


@dataclass(frozen=True)
class DeadLettersPage:
    """Everything the template shows."""

    filters: LetterFilters
    letters: list[Letter]
    has_more: bool
    topics: list[str]
    rules: list[str]
    open_count: int
    oldest_open_at: datetime | None
    alert_after: timedelta
    now: datetime

    @property
    def is_alert(self) -> bool:
        """Whether a letter has been waiting for longer than it should."""
        oldest = self.oldest_open_at
        return oldest is not None and self.now - oldest > self.alert_after

    @property
    def oldest_text(self) -> str:
        """For how long the oldest has been waiting."""
        if self.oldest_open_at is None:
            return ""
        hours = (self.now - self.oldest_open_at).total_seconds() / 3600
        return f"{hours:.0f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"

    @property
    def older_query(self) -> str:
        """The address of the next page."""
        last = self.letters[-1]
        return self.filters.query(
            before=last.received_at.replace(tzinfo=None).isoformat(" ", "milliseconds"),
            before_id=last.id,
        )


def make_page(
    filters: LetterFilters,
    rows: list[dict[str, Any]],
    counts: list[dict[str, Any]],
    alert_hours: float,
    now: datetime,
) -> DeadLettersPage:
    """Put the answers together."""
    waiting = [row for row in counts if row["open_count"]]
    return DeadLettersPage(
        filters,
        [letter(row) for row in rows[:PAGE_SIZE]],
        len(rows) > PAGE_SIZE,
        sorted({row["topic"] for row in counts}),
        sorted({row["rule"] for row in counts}),
        sum(row["open_count"] for row in waiting),
        min((_utc(row["oldest_open_at"]) for row in waiting), default=None),
        timedelta(hours=alert_hours),
        now,
    )


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
