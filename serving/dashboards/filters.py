"""What a page is asked to show: read from the URL, and written back into it.

Belongs here: the parameters, their rules and the days they mean. A wrong parameter is
reported by name with its rule; nothing is guessed or silently dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from serving.dashboards import formatting
from serving.dashboards.metrics import METRICS
from stores.errors import InputInvalid

RANGES = {
    "7d": "7 days",
    "28d": "28 days",
    "90d": "90 days",
    "month": "This month",
    "last_month": "Last month",
    "custom": "Custom",
}
ROLLING_DAYS = {"7d": 7, "28d": 28, "90d": 90}
COMPARISONS = {"previous": "Previous period", "year": "Year before", "none": "No comparison"}
# The sorts that are not a resource type.
SORTS = {"limit_share": "Share of limit", "overage": "Limits exceeded"}
ROW_LIMITS = (10, 50, 200)
LONGEST_RANGE_DAYS = 400
# As in PostgreSQL.
PLAN_LENGTH_LIMIT = 100
# A whole number of weeks, so that weekdays lie over each other.
YEAR_OF_WEEKS = timedelta(weeks=52)


Value = TypeVar("Value")


class FiltersInvalid(InputInvalid):
    """One or more parameters break their rules; `problems` has them all."""

    def __init__(self, problems: list[InputInvalid]) -> None:
        super().__init__(problems[0].field, problems[0].rule)
        self.problems = problems


@dataclass(frozen=True)
class Span:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def day_count(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        """Each day in turn."""
        return [self.first + timedelta(index) for index in range(self.day_count)]

    @property
    def label(self) -> str:
        """The range as text."""
        return formatting.day_range(self.first, self.last)

    def moved(self, distance: timedelta) -> "Span":
        """The same number of days, elsewhere."""
        return Span(self.first + distance, self.last + distance)


@dataclass(frozen=True)
class Filters:
    """The validated parameters and the days they mean."""

    today: date
    range_name: str
    span: Span
    metric: str = "active_users"
    compare: str = "previous"
    user_id: UUID | None = None
    plan: str | None = None
    sort: str = "limit_share"
    rows: int = ROW_LIMITS[0]

    @property
    def compared(self) -> Span | None:
        """The days to compare with, or None."""
        if self.compare == "none":
            return None
        if self.compare == "year":
            return self.span.moved(-YEAR_OF_WEEKS)
        if self.range_name in ("month", "last_month"):
            return _same_days_of_previous_month(self.span)
        return self.span.moved(timedelta(-self.span.day_count))

    @property
    def earlier(self) -> "Filters":
        """The adjacent range of the same length before this one; a month for a month."""
        return self._at(_month_before(self.span.first)) if self._is_month else self._moved(-1)

    @property
    def later(self) -> "Filters | None":
        """The adjacent range after this one, up to today; None where this one ends today."""
        if self.span.last >= self.today:
            return None
        if self._is_month:
            following = Span(self.span.last + timedelta(1), self.span.last + timedelta(1))
            return self._at(_whole_month(following.first, self.today))
        return self._moved(1)

    def query(self, **changes: Any) -> str:
        """These filters as a query string, `changes` applied; defaults are left out."""
        wanted = self.parameters() | {
            name: None if value is None else str(value) for name, value in changes.items()
        }
        if wanted.get("range") != "custom":
            wanted |= {"from": None, "to": None}
        return urlencode({name: value for name, value in wanted.items() if value is not None})

    def parameters(self) -> dict[str, str | None]:
        """Each parameter with its value; None where it is the default."""
        is_custom = self.range_name == "custom"
        return {
            "range": self.range_name,
            "from": self.span.first.isoformat() if is_custom else None,
            "to": self.span.last.isoformat() if is_custom else None,
            "metric": None if self.metric == "active_users" else self.metric,
            "compare": None if self.compare == "previous" else self.compare,
            "user_id": None if self.user_id is None else str(self.user_id),
            "plan": self.plan,
            "sort": None if self.sort == "limit_share" else self.sort,
            "rows": None if self.rows == ROW_LIMITS[0] else str(self.rows),
        }

    @property
    def _is_month(self) -> bool:
        return self.span.first.day == 1 and (
            self.range_name in ("month", "last_month") or (self.span.last + timedelta(1)).day == 1
        )

    def _at(self, span: Span) -> "Filters":
        return replace(self, range_name="custom", span=span)

    def _moved(self, ranges: int) -> "Filters":
        span = self.span.moved(timedelta(ranges * self.span.day_count))
        late = max(span.last - self.today, timedelta(0))
        return self._at(span.moved(-late))


def parse(parameters: Mapping[str, str], today: date) -> Filters:
    """The filters that `parameters` ask for. Raises FiltersInvalid with every wrong one."""
    reader = _Reader({name: value for name, value in parameters.items() if value != ""})
    range_name = reader.choice("range", RANGES, "custom" if reader.has("from", "to") else "28d")
    span = reader.span(range_name, today)
    filters = Filters(
        today=today,
        range_name=range_name,
        span=span,
        metric=reader.choice("metric", METRICS, "active_users"),
        compare=reader.choice("compare", COMPARISONS, "previous"),
        user_id=reader.user_id(),
        plan=reader.text("plan", PLAN_LENGTH_LIMIT),
        sort=reader.choice("sort", _sorts(), "limit_share"),
        rows=int(reader.choice("rows", [str(limit) for limit in ROW_LIMITS], str(ROW_LIMITS[0]))),
    )
    reader.finish()
    return filters


def _sorts() -> list[str]:
    return [*SORTS, *(metric.resource_type for metric in METRICS.values() if metric.resource_type)]


class _Reader:
    """Takes parameters one by one, collecting what is wrong instead of stopping at it."""

    def __init__(self, parameters: dict[str, str]) -> None:
        self._left = parameters
        self._problems: list[InputInvalid] = []

    def has(self, *names: str) -> bool:
        return any(name in self._left for name in names)

    def choice(self, name: str, allowed: Any, default: str) -> str:
        value = self._left.pop(name, default)
        if value in allowed:
            return value
        return self._wrong(name, f"must be one of {', '.join(allowed)}", default)

    def text(self, name: str, length_limit: int) -> str | None:
        value = self._left.pop(name, None)
        if value is not None and len(value) > length_limit:
            return self._wrong(name, f"must have at most {length_limit} characters", None)
        return value

    def user_id(self) -> UUID | None:
        value = self._left.pop("user_id", None)
        try:
            return UUID(value) if value else None
        except ValueError:
            return self._wrong("user_id", "must be a UUID", None)

    def span(self, range_name: str, today: date) -> Span:
        if range_name != "custom":
            for name in ("from", "to"):
                if self._left.pop(name, None) is not None:
                    self._wrong(name, "goes only with range=custom", None)
            return preset(range_name, today)
        first, last = self._day("from", today), self._day("to", today)
        if not self._problems:
            self._check_order(first, last)
        return Span(min(first, last), last)

    def finish(self) -> None:
        for name in self._left:
            self._wrong(name, "is not a parameter of this page", None)
        if self._problems:
            raise FiltersInvalid(self._problems)

    def _day(self, name: str, today: date) -> date:
        value = self._left.pop(name, None)
        if value is None:
            return self._wrong(name, "is needed for a custom range, as YYYY-MM-DD", today)
        try:
            found = date.fromisoformat(value)
        except ValueError:
            return self._wrong(name, "must be a day as YYYY-MM-DD", today)
        if found > today:
            return self._wrong(name, f"must not be after today, {today} (UTC)", today)
        if found.year < 2000:
            return self._wrong(name, "must not be before the year 2000", today)
        return found

    def _check_order(self, first: date, last: date) -> None:
        if first > last:
            self._wrong("from", "must not be after `to`", None)
        elif (last - first).days >= LONGEST_RANGE_DAYS:
            self._wrong("from", f"must be within {LONGEST_RANGE_DAYS} days of `to`", None)

    def _wrong(self, name: str, rule: str, instead: Value) -> Value:
        self._problems.append(InputInvalid(name, rule))
        return instead


def preset(range_name: str, today: date) -> Span:
    """The days of a range that is not custom."""
    if range_name in ROLLING_DAYS:
        return Span(today - timedelta(ROLLING_DAYS[range_name] - 1), today)
    this_month = Span(today.replace(day=1), today)
    return this_month if range_name == "month" else _month_before(this_month.first)


def _month_before(first: date) -> Span:
    last = first.replace(day=1) - timedelta(1)
    return Span(last.replace(day=1), last)


def _whole_month(first: date, today: date) -> Span:
    following = (first.replace(day=1) + timedelta(32)).replace(day=1)
    return Span(first, min(following - timedelta(1), today))


def _same_days_of_previous_month(span: Span) -> Span:
    """A whole month beside a whole month; days so far beside as many days."""
    before = _month_before(span.first)
    if (span.last + timedelta(1)).day == 1:
        return before
    return Span(before.first, min(before.last, before.first + timedelta(span.day_count - 1)))
