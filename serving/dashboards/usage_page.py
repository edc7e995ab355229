"""What the usage page shows: cards, chart and tables, made of answers.

Belongs here: the page's content and the state of each panel. Markup is in `templates/`,
questions in `answers.py`, CSV in `export.py`.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Literal

from serving.dashboards import series, tables
from serving.dashboards.answers import Answers, Outcome
from serving.dashboards.charts import Chart, daily_chart, spark
from serving.dashboards.filters import Filters, Span
from serving.dashboards.freshness import Freshness
from serving.dashboards.metrics import METRICS, Metric
from serving.dashboards.series import Series

State = Literal["ready", "not_loaded", "empty", "failed"]

ACTIVITY_SOURCES = ("user_events",)
USAGE_SOURCES = ("usage_tracking",)


@dataclass(frozen=True)
class Card:
    """A metric with its number and its change, or the state that explains why not."""

    metric: Metric
    state: State
    series: Series | None
    is_selected: bool

    @property
    def spark(self) -> tuple[str, str]:
        """Two SVG paths: complete days and incomplete ones."""
        return spark(self.series) if self.series else ("", "")


class UsagePage:
    """Everything the page shows for one set of filters."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.filters: Filters = answers.filters
        self.now = answers.now

    @cached_property
    def is_loaded(self) -> bool:
        """Whether there is any data at all; unknown counts as loaded."""
        return self.answers.extent.is_built and (
            self.answers.extent.has_failed or bool(self.answers.extent.rows)
        )

    @cached_property
    def last_data_day(self) -> date | None:
        """The newest day that has data, to offer instead of an empty range."""
        rows = self.answers.extent.rows
        return min(rows[0]["last_day"], self.filters.today) if rows else None

    @cached_property
    def customer_name(self) -> str | None:
        """Whom the page is filtered to."""
        if self.filters.user_id is None:
            return None
        rows = self.answers.customer.rows
        name = tables.customer_name(rows[0]) if rows else "Unknown customer"
        return f"{name} {tables.short_id(self.filters.user_id)}"

    @property
    def has_newer_or_older_data(self) -> bool:
        """Whether there is data, but not where the page looks."""
        span, newest = self.filters.span, self.last_data_day
        return newest is not None and not span.first <= newest <= span.last

    @property
    def plan_names(self) -> list[str]:
        """The plans to filter by; the one filtered by is always among them."""
        names = [row["plan_name"] for row in self.answers.plans.rows]
        chosen = self.filters.plan
        return names if chosen is None or chosen in names else [chosen, *names]

    @cached_property
    def freshness(self) -> Freshness | None:
        """Of the whole page: its newest data. Each panel tells of its own source."""
        names = {name for metric in METRICS.values() for name in metric.sources}
        found = [self.answers.freshness_of(name) for name in names]
        return max((f for f in found if f), key=lambda f: f.data_until, default=None)

    @cached_property
    def has_incomplete_days(self) -> bool:
        """Whether the chart has a dotted part."""
        series = self.selected.series
        return series is not None and not all(day.is_complete for day in series.days)

    def range_ending(self, last: date) -> str:
        """The query for a range as long as this one that ends on `last`."""
        first = last - timedelta(self.filters.span.day_count - 1)
        return replace(self.filters, range_name="custom", span=Span(first, last)).query()

    @property
    def has_failed(self) -> bool:
        """Whether no panel could be answered."""
        return all(outcome.has_failed for outcome in self._panel_outcomes)

    @property
    def _panel_outcomes(self) -> list[Outcome]:
        found = self.answers
        return [found.activity, found.usage, found.resources, found.customers, found.event_types]

    @cached_property
    def cards(self) -> list[Card]:
        """A card for every metric."""
        return [self._card(metric) for metric in METRICS.values()]

    @cached_property
    def selected(self) -> Card:
        """The card whose metric the chart shows."""
        return next(card for card in self.cards if card.is_selected)

    @cached_property
    def charts(self) -> list[tuple[str, Chart]]:
        """The chart for wide and for narrow screens, by class name."""
        if self.selected.series is None:
            return []
        return [
            ("wide", daily_chart(self.selected.series, 1080, 300, 10)),
            ("narrow", daily_chart(self.selected.series, 380, 260, 4)),
        ]

    @cached_property
    def incomplete_note(self) -> str | None:
        """Which days the changes compare, where some of the range are incomplete."""
        spans = self.answers.windows_of(*self.selected.metric.sources)
        if spans.complete == spans.span or not self.selected.metric.is_more_better:
            return None
        if spans.complete is None:
            return "No day of this range is complete yet, so no change is shown."
        if spans.compared_complete is None:
            return None
        complete, compared = spans.complete.label, spans.compared_complete.label
        return f"Changes compare complete days: {complete} with {compared}."

    def _card(self, metric: Metric) -> Card:
        outcomes = self._outcomes_of(metric)
        state = self._state(outcomes, is_empty=False)
        found = self._series(metric) if state == "ready" else None
        if found is not None and found.is_empty and not outcomes[0].rows:
            state = "empty"
        return Card(metric, state, found, metric.name == self.filters.metric)

    def _outcomes_of(self, metric: Metric) -> list[Outcome]:
        """What the metric is made of; without rows of the first there is nothing to show."""
        found = self.answers
        if metric.resource_type:
            return [found.usage]
        return {
            "active_users": [found.activity, found.active_users],
            "events": [found.activity],
            "sessions_completed": [found.sessions],
            # Nobody over a limit is an answer as long as something was used.
            "customers_over_limit": [found.usage, found.over_limit],
        }[metric.name]

    def _state(self, outcomes: list[Outcome], is_empty: bool) -> State:
        if any(outcome.has_failed for outcome in outcomes):
            return "failed"
        if not self.is_loaded or not all(outcome.is_built for outcome in outcomes):
            return "not_loaded"
        return "empty" if is_empty else "ready"

    def _series(self, metric: Metric) -> Series:
        fresh = self.answers.freshness_of(*metric.sources)
        spans = self.answers.windows_of(*metric.sources)
        if metric.name == "customers_over_limit":
            return series.level(metric, self._over_limit_values(), spans, fresh)
        found = series.summed(metric, self._values(metric), spans, fresh)
        return found if metric.is_additive else self._distinct(found)

    def _values(self, metric: Metric) -> dict[date, int]:
        found = self.answers
        if metric.resource_type:
            return {
                row["date"]: row["used_count"]
                for row in found.usage.rows
                if row["resource_type"] == metric.resource_type
            }
        column, rows = {
            "active_users": ("active_user_count", found.activity.rows),
            "events": ("event_count", found.activity.rows),
            "sessions_completed": ("completed_session_count", found.sessions.rows),
        }[metric.name]
        return {row["date"]: row[column] for row in rows}

    def _distinct(self, summed: Series) -> Series:
        """Users of a range are not the sum of the users of its days."""
        row = self.answers.active_users.rows[0]
        has_comparison = summed.comparable is not None and summed.compared is not None
        return Series(
            summed.metric,
            summed.days,
            row["user_count"],
            row["comparable_user_count"] if has_comparison else None,
            row["compared_user_count"] if has_comparison else None,
        )

    def _over_limit_values(self) -> dict[date, int]:
        """Customers over a limit on each day: those of the month who had crossed it by then."""
        crossed = {row["over_since"]: row["customer_count"] for row in self.answers.over_limit.rows}
        spans = [self.filters.span] + ([self.filters.compared] if self.filters.compared else [])
        day = min(span.first for span in spans).replace(day=1)
        values: dict[date, int] = {}
        count = 0
        while day <= self.filters.span.last:
            count = crossed.get(day, 0) + (0 if day.day == 1 else count)
            values[day] = count
            day += timedelta(1)
        return self._known(values)

    def _known(self, values: dict[date, int]) -> dict[date, int]:
        fresh = self.answers.freshness_of(*USAGE_SOURCES)
        last = fresh.known_until.date() if fresh else self.filters.today
        return {day: value for day, value in values.items() if day <= last}

    @cached_property
    def resources(self) -> tuple[State, list[tables.ResourceRow]]:
        """Resources, the fullest first."""
        rows = [tables.resource_row(row) for row in self.answers.resources.rows]
        return self._state([self.answers.resources], not rows), rows

    @cached_property
    def customers(self) -> tuple[State, list[tables.CustomerRow]]:
        """Customers, in the order asked for."""
        rows = [tables.customer_row(row) for row in self.answers.customers.rows]
        return self._state([self.answers.customers], not rows), rows

    @cached_property
    def event_types(self) -> tuple[State, list[tables.EventTypeRow]]:
        """Types of event, the most frequent first."""
        found = self.answers.event_types.rows
        highest = max((row["event_count"] for row in found), default=0)
        has_comparison = self.answers.windows_of(*ACTIVITY_SOURCES).compared_complete is not None
        rows = [tables.event_type_row(row, highest, has_comparison) for row in found]
        return self._state([self.answers.event_types], not rows), rows

    @property
    def month_label(self) -> str:
        """The month that limits are counted in."""
        return f"{self.filters.span.last:%B %Y}"

    def freshness_of(self, *sources: str) -> Freshness | None:
        """For a panel's footer."""
        return self.answers.freshness_of(*sources)
