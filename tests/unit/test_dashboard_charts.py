"""Where things lie on the daily chart."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.dashboards import charts, series
from serving.dashboards.filters import parse
from serving.dashboards.freshness import Freshness
from serving.dashboards.metrics import METRICS
from serving.dashboards.scales import Scale, day_marks, marks

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
FRESH = Freshness(NOW, NOW, NOW)


def _events(values: dict[date, int], fresh: Freshness = FRESH, **query: str) -> series.Series:
    filters = parse(query, TODAY)
    return series.summed(METRICS["events"], values, series.windows(filters, fresh), fresh)


@given(st.integers(1, 10**12))
def test_marks_begin_at_zero_reach_the_highest_value_and_are_few(highest: int) -> None:
    found = marks(highest)
    assert found[0] == 0
    assert found[-2] < highest <= found[-1]
    assert 2 <= len(found) <= 7
    assert all(mark == int(mark) for mark in found)


@given(st.integers(1, 10**9))
def test_marks_of_sizes_are_powers_of_two_apart(highest: int) -> None:
    found = marks(highest, is_binary=True)
    assert found[-1] >= highest
    assert int(found[1]).bit_count() == 1


def test_a_chart_of_nothing_still_has_an_axis() -> None:
    assert marks(0) == [0, 1]


def test_a_scale_of_one_value_does_not_divide_by_zero() -> None:
    assert Scale(5, 5, 10, 90)(5) == 10


@pytest.mark.parametrize("count", [1, 2, 7, 28, 90, 400])
def test_days_get_no_more_labels_than_fit(count: int) -> None:
    days = [TODAY - timedelta(count - 1 - index) for index in range(count)]
    found = day_marks(days, 10)
    assert 1 <= len(found) <= 10
    if count > 20:
        assert all(days[index].weekday() == 0 for index in found)


def test_today_is_drawn_dotted_and_the_days_before_it_are_not() -> None:
    values = {TODAY - timedelta(index): 10 for index in range(14)}
    chart = charts.daily_chart(_events(values, range="7d"), 800, 300, 7)
    assert chart.line.count(",") == 6
    assert chart.incomplete_line.count(",") == 2, "from yesterday to today"
    assert [column.is_complete for column in chart.columns] == [True] * 6 + [False]


def test_a_day_after_the_last_refresh_is_unknown_and_not_zero() -> None:
    last = NOW - timedelta(days=2)
    fresh = Freshness(last, last, NOW)
    found = _events({TODAY - timedelta(3): 5}, fresh, range="7d")
    assert [day.value for day in found.days[-3:]] == [0, None, None]
    assert charts.daily_chart(found, 800, 300, 7).columns[-1].value_text == "–"


def test_a_source_that_was_quiet_until_the_last_refresh_had_nothing() -> None:
    fresh = Freshness(NOW - timedelta(days=2), NOW, NOW)
    found = _events({TODAY - timedelta(3): 5}, fresh, range="7d")
    assert [day.value for day in found.days[-3:]] == [0, 0, 0]
    assert [day.is_complete for day in found.days[-3:]] == [True, True, False]


def test_a_change_leaves_incomplete_days_out_on_both_sides() -> None:
    """With today in it, a steady week would look like a fall every morning."""
    values = {TODAY - timedelta(index): 10 for index in range(1, 14)} | {TODAY: 1}
    found = _events(values, range="7d")
    assert found.total == 61
    assert (found.comparable, found.compared) == (60, 60)
    assert found.change is not None
    assert found.change.direction == "flat"


def test_a_range_of_today_alone_has_no_change() -> None:
    found = _events({TODAY: 3}, **{"from": "2026-11-23", "to": "2026-11-23"})
    assert found.total == 3
    assert found.change is None


def test_whole_months_are_compared_whole_though_they_differ_in_length() -> None:
    values = {date(2026, 9, 1) + timedelta(index): 1 for index in range(61)}
    found = _events(values, range="last_month")
    assert (found.comparable, found.compared) == (31, 30)


def test_a_rise_of_customers_over_their_limit_is_not_good_news() -> None:
    filters = parse({"range": "7d"}, TODAY)
    spans = series.windows(filters, FRESH)
    values = dict.fromkeys(spans.span.days, 2) | dict.fromkeys(spans.compared.days, 1)
    found = series.level(METRICS["customers_over_limit"], values, spans, FRESH)
    assert found.total == 2
    assert found.change is not None
    assert found.is_change_good is False


def test_a_single_day_lies_in_the_middle() -> None:
    found = _events({TODAY: 3}, **{"from": "2026-11-23", "to": "2026-11-23"})
    chart = charts.daily_chart(found, 800, 300, 7)
    assert chart.columns[0].x == pytest.approx((chart.left + chart.right) / 2, abs=1)
