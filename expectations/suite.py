"""The words a suite is written in.

Belongs here: the types that suites and results share. Imports no Great Expectations, which
takes seconds to load.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Suite:
    """What must hold of one table; `rows` selects the part that is looked at."""

    name: str
    rows: str
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True)
class Result:
    """The answer to one expectation. `error` is why it could not be asked, else empty."""

    name: str
    why: str
    severity: Severity
    is_met: bool
    observed: str
    error: str


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
        """Whether models should not be built on this."""
        return any(result.severity == "severe" for result in self.unmet)
