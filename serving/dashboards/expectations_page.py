"""The page of expectations: what was asked of landed data, what came of it, and what is kept out.

Belongs here: what the page shows of each suite. The suites themselves, and asking them, belong to
`expectations`, which serving does not import: all of it is read from the tables of results.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from serving.dashboards.formatting import age, as_utc, title

ROWS_SHOWN = 100
KEYS_SHOWN = 5
RUNS = {
    "m": ("met", "met"),
    "w": ("warning", "not met, a warning"),
    "s": ("severe", "not met, severe"),
    "e": ("severe", "could not be asked"),
}


@dataclass(frozen=True)
class Answer:
    """The newest answer to one expectation, and its past."""

    suite: str
    name: str
    why: str
    severity: str
    is_met: bool
    observed: Mapping[str, Any]
    breaking_count: int
    keys: Sequence[str]
    error: str
    checked_at: datetime
    runs: Sequence[str]

    @property
    def state(self) -> str:
        """met, warning or severe."""
        return "met" if self.is_met else self.severity

    @property
    def label(self) -> str:
        """In words: what could not be asked is another trouble than what does not hold."""
        return "not asked" if self.error else {"met": "met"}.get(self.state, self.state)

    @property
    def sentence(self) -> str:
        """The name as a person reads it."""
        return title(self.name)

    @property
    def observed_text(self) -> str:
        """What was found, in a few words."""
        if self.breaking_count:
            return f"{self.breaking_count:,} broken"
        value = self.observed.get("observed_value")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value:,}"
        return "" if value is None else str(value)

    @property
    def strip(self) -> list[tuple[int, str, str]]:
        """The past runs, oldest first: place, class and words."""
        return [(6 * place, *RUNS[run]) for place, run in enumerate(self.runs)]

    @property
    def strip_text(self) -> str:
        """The strip for those who do not see it."""
        met = sum(run == "m" for run in self.runs)
        return f"met in {met} of the last {len(self.runs)} runs"


@dataclass(frozen=True)
class SuiteRow:
    """A suite in the list."""

    name: str
    answers: Sequence[Answer]
    blocked_by: str
    looked_at: datetime | None
    quarantined_count: int
    now: datetime

    @property
    def checked_text(self) -> str:
        """When it was last asked as a whole."""
        return age(max(item.checked_at for item in self.answers), self.now) if self.answers else "–"

    @property
    def looked_text(self) -> str:
        """When what had landed was last looked at before a build."""
        return age(self.looked_at, self.now) if self.looked_at else "–"

    def count(self, state: str) -> int:
        """How many answers are of that state."""
        return sum(item.state == state for item in self.answers)


@dataclass(frozen=True)
class Kept:
    """A row in quarantine."""

    suite: str
    row_id: str
    expectation: str
    reason: str
    content: Mapping[str, str]
    found_text: str


@dataclass(frozen=True)
class ExpectationsPage:
    """Everything the template shows."""

    suites: Sequence[SuiteRow]
    chosen: str
    shown: Sequence[Answer]
    kept: Sequence[Kept]
    kept_count: int

    @property
    def blocked(self) -> list[SuiteRow]:
        """The suites whose models are not built."""
        return [suite for suite in self.suites if suite.blocked_by]

    @property
    def is_never_asked(self) -> bool:
        """Whether no suite has been asked yet."""
        return not any(suite.answers for suite in self.suites)

    def query(self, suite: str) -> str:
        """The address of one suite, or of all."""
        return urlencode({"suite": suite} if suite else {})


def make_page(
    chosen: str,
    *,
    answers: list[dict[str, Any]],
    looks: list[dict[str, Any]],
    counts: list[dict[str, Any]],
    kept: list[dict[str, Any]],
    now: datetime,
) -> ExpectationsPage:
    """Put the answers together: of one suite everything, of all what does not hold."""
    found = [_answer(row) for row in answers]
    before = {row["suite"]: row for row in looks}
    kept_out = {row["suite"]: int(row["open_count"]) for row in counts}
    suites = [
        SuiteRow(
            name,
            [item for item in found if item.suite == name],
            before[name]["blocked_by"] if name in before else "",
            as_utc(before[name]["looked_at"]) if name in before else None,
            kept_out.get(name, 0),
            now,
        )
        for name in sorted({item.suite for item in found} | set(before) | set(kept_out))
    ]
    return ExpectationsPage(
        suites,
        chosen,
        [item for item in found if (item.suite == chosen if chosen else not item.is_met)],
        [_kept(row, now) for row in kept],
        int(kept[0]["all_count"]) if kept else 0,
    )


def _answer(row: Mapping[str, Any]) -> Answer:
    return Answer(
        row["suite"],
        row["expectation"],
        row["why"],
        row["severity"],
        bool(row["is_met"]),
        json.loads(row["observed"] or "{}"),
        int(row["breaking_count"]),
        list(row["breaking_keys"])[:KEYS_SHOWN],
        row["error"],
        as_utc(row["checked_at"]),
        list(row["runs"]),
    )


def _kept(row: Mapping[str, Any], now: datetime) -> Kept:
    return Kept(
        row["suite"],
        row["row_id"],
        row["expectation"],
        row["reason"],
        json.loads(row["content"]),
        age(as_utc(row["found_at"]), now),
    )
