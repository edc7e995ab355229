"""The types that suites, their results and the gate share.

Belongs here: what an expectation, a suite and an answer are. Imports no Great Expectations, which
takes seconds to load.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["severe", "warning"]


@dataclass(frozen=True)
class Expectation:
    """One sentence about the data: `why` is what goes wrong for a reader if it does not hold."""

    name: str
    why: str
    severity: Severity
    kind: str
    """The class in `great_expectations.expectations`."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    broken_by: str = ""
    """The SQL condition of the rows that break it; empty where it is about the table as a whole.
    `{table}` stands for the whole table in it, `{looked}` for the rows that are looked at."""
    query: str = ""
    """Of the table as a whole: a query that finds nothing where it holds."""


@dataclass(frozen=True)
class Suite:
    """What must hold of one landed table."""

    name: str
    table: str
    key: str
    shown: tuple[str, ...]
    """Columns without personal data: all that is kept of a row in quarantine."""
    expectations: tuple[Expectation, ...]
    log: str
    """Where every version lands: for events the table itself, for a captured one its log."""
    arrived_at: str

    @property
    def is_of_events(self) -> bool:
        """Events only come; rows of captured tables also change and go."""
        return self.log == self.table

    @property
    def severe(self) -> tuple[Expectation, ...]:
        """Those that hold back rows or models."""
        return tuple(item for item in self.expectations if item.severity == "severe")

    @property
    def definition(self) -> str:
        """Changes whenever a severe expectation does."""
        said = repr([(item.name, item.broken_by, item.query) for item in self.severe])
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def rows(self) -> str:
        """What a whole run looks at: a week of events, a captured table whole.

        A row that somebody released is not looked at again until it changes.
        """
        recent = "received_at > now() - INTERVAL 7 DAY" if self.is_of_events else "true"
        return (
            f"SELECT * FROM {self.table} WHERE {recent} AND {self.key} NOT IN (SELECT row_id FROM"
            f" expectations.quarantine FINAL WHERE suite = '{self.name}' AND state = 'released')"
        )

    def condition(self, expectation: Expectation, looked: str) -> str:
        """The rows that break `expectation`, among those that the query `looked` selects."""
        said = expectation.broken_by.replace("{table}", self.table)
        return said.replace("{looked}", f"({looked})")


@dataclass(frozen=True)
class Result:
    """The answer to one expectation. `error` is why it could not be asked, else empty."""

    name: str
    why: str
    severity: Severity
    is_met: bool
    observed: str
    error: str
    breaking_count: int = 0
    breaking_keys: tuple[str, ...] = ()

    def sentence(self, table: str) -> str:
        """What is wrong, where, and the first rows of it."""
        if self.error:
            return f"{table}, {self.name}: could not be asked: {self.error}"
        if self.breaking_keys:
            first = ", ".join(self.breaking_keys[:5])
            return f"{table}, {self.name}: {self.breaking_count} broken, first {first}. {self.why}"
        return f"{table}, {self.name}: found {self.observed}. {self.why}"


@dataclass(frozen=True)
class Report:
    """The answers to a suite."""

    suite: str
    results: tuple[Result, ...]

    @property
    def unmet(self) -> tuple[Result, ...]:
        """Those that do not hold or could not be asked."""
        return tuple(result for result in self.results if not result.is_met)

    @property
    def is_met(self) -> bool:
        """Whether everything holds."""
        return not self.unmet

    @property
    def has_severe_failure(self) -> bool:
        """Whether something does not hold that models must not be built on."""
        return any(result.severity == "severe" for result in self.unmet)
