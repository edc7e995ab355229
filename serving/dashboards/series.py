"""A metric day by day, beside the days it is compared with.

Belongs here: sums, completeness and change. Today, and every day from the last refresh on, is
incomplete: it is shown, but a change is computed from complete days only, because half a
day against a whole one always looks like a fall.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from serving.dashboards import formatting
from serving.dashboards.filters import Filters, Span
from serving.dashboards.formatting import Change
from serving.dashboards.freshness import Freshness
from serving.dashboards.metrics import Metric


@dataclass(frozen=True)
class DayValue:
    """One day's value. None means that it is not known, which is not zero."""

    day: date
    value: int | None
    is_complete: bool
    compared_day: date | None = None
    compared_value: int | None = None


@dataclass(frozen=True)
class Series:
    """A metric over the range: its days, its total, and the total it is compared with.

    `comparable` is the total of the complete days alone, `compared` that of as many days
    of the compared span; both are None where there is nothing to compare.
    """

    metric: Metric
    days: list[DayValue]
    total: int
    comparable: int | None = None
    compared: int | None = None

    @property
    def total_text(self) -> str:
        """The total as it stands on a card."""
        return formatting.number(self.total, self.metric.unit)

    @property
    def change(self) -> Change | None:
        """The change of the complete days, or None where nothing is compared."""
        if self.comparable is None or self.compared is None:
            return None
        return formatting.change(self.comparable, self.compared, self.metric.unit)

    @property
    def is_change_good(self) -> bool | None:
        """Whether the change is welcome; None where it is neither."""
        change = self.change
        if change is None or change.direction not in ("up", "down"):
            return None
        return (change.direction == "up") == self.metric.is_more_better

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened, neither in the range nor in the compared days."""
        return self.total == 0 and not any(day.value or day.compared_value for day in self.days)

    def text(self, value: int | None) -> str:
        """A value of this metric, readable; unknown is a dash."""
        return "–" if value is None else formatting.number(value, self.metric.unit)


@dataclass(frozen=True)
class Windows:
    """The spans that a comparison needs: complete days, and as many of the compared ones."""

    span: Span
    complete: Span | None
    compared: Span | None
    compared_complete: Span | None


def windows(filters: Filters, freshness: Freshness | None) -> Windows:
    """Which days are complete, given how far the data reach."""
    last = min(filters.span.last, filters.today - timedelta(1))
    if freshness is not None:
        last = min(last, freshness.known_until.date() - timedelta(1))
    compared = filters.compared
    if last < filters.span.first:
        return Windows(filters.span, None, compared, None)
    complete = Span(filters.span.first, last)
    if compared is None:
        return Windows(filters.span, complete, None, None)
    # The whole range against the whole comparison, where the range has no incomplete day:
    # months differ in length.
    until = compared.first + timedelta(complete.day_count - 1)
    until = compared.last if complete == filters.span else min(until, compared.last)
    return Windows(filters.span, complete, compared, Span(compared.first, until))


def day_values(
    values: Mapping[date, int], spans: Windows, freshness: Freshness | None
) -> list[DayValue]:
    """Each day of the range beside the compared day of the same place."""
    found = []
    for index, day in enumerate(spans.span.days):
        compared = spans.compared.first + timedelta(index) if spans.compared else None
        if compared is not None and spans.compared is not None and compared > spans.compared.last:
            compared = None
        is_known = freshness is None or day <= freshness.known_until.date() or day in values
        found.append(
            DayValue(
                day=day,
                value=values.get(day, 0) if is_known else None,
                is_complete=spans.complete is not None and day <= spans.complete.last,
                compared_day=compared,
                compared_value=None if compared is None else values.get(compared, 0),
            )
        )
    return found


def summed(
    metric: Metric, values: Mapping[date, int], spans: Windows, freshness: Freshness | None
) -> Series:
    """The series of a metric whose days add up."""
    return Series(
        metric,
        day_values(values, spans, freshness),
        _sum(values, spans.span),
        None if spans.complete is None else _sum(values, spans.complete),
        None if spans.compared_complete is None else _sum(values, spans.compared_complete),
    )


def level(
    metric: Metric, values: Mapping[date, int], spans: Windows, freshness: Freshness | None
) -> Series:
    """The series of a metric that is a level: its value is that of the last known day."""
    days = day_values(values, spans, freshness)
    known = [day for day in days if day.value is not None]
    last = known[-1] if known else None
    total = (last.value if last else None) or 0
    compared = last.compared_value if last else None
    return Series(metric, days, total, total if compared is not None else None, compared)


def _sum(values: Mapping[date, int], span: Span) -> int:
    return sum(value for day, value in values.items() if span.first <= day <= span.last)
