"""What the page's address may ask for."""

from datetime import date
from urllib.parse import parse_qsl
from uuid import UUID

import pytest

from serving.dashboards.export import csv_text
from serving.dashboards.filters import FiltersInvalid, Span, parse

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("7d", date(2026, 11, 17), TODAY),
        ("28d", date(2026, 10, 27), TODAY),
        ("90d", date(2026, 8, 26), TODAY),
        ("month", date(2026, 11, 1), TODAY),
        ("last_month", date(2026, 10, 1), date(2026, 10, 31)),
    ],
)
def test_a_preset_means_these_days(name: str, first: date, last: date) -> None:
    assert parse({"range": name}, TODAY).span == Span(first, last)


def test_nothing_asked_means_the_last_28_days_against_the_28_before() -> None:
    found = parse({}, TODAY)
    assert found.span.day_count == 28
    assert found.compared == Span(date(2026, 9, 29), date(2026, 10, 26))


def test_a_month_so_far_is_compared_with_the_same_days_of_the_month_before() -> None:
    assert parse({"range": "month"}, TODAY).compared == Span(date(2026, 10, 1), date(2026, 10, 23))
    last = parse({"range": "last_month"}, TODAY).compared
    assert last == Span(date(2026, 9, 1), date(2026, 9, 30))


def test_the_year_before_keeps_the_weekdays() -> None:
    found = parse({"compare": "year"}, TODAY)
    assert found.compared is not None
    assert found.compared.first.weekday() == found.span.first.weekday()


def test_earlier_and_later_are_neighbours_and_end_today() -> None:
    found = parse({"range": "7d"}, TODAY)
    assert found.later is None
    assert found.earlier.span == Span(date(2026, 11, 10), date(2026, 11, 16))
    assert found.earlier.later is not None
    assert found.earlier.later.span == found.span


def test_earlier_than_a_month_is_the_month_before() -> None:
    found = parse({"range": "month"}, TODAY).earlier
    assert found.span == Span(date(2026, 10, 1), date(2026, 10, 31))
    assert found.later is not None
    assert found.later.span == Span(date(2026, 11, 1), TODAY)


def test_filters_survive_the_way_into_the_address_and_back() -> None:
    asked = {
        "range": "custom",
        "from": "2026-10-01",
        "to": "2026-10-15",
        "metric": "storage",
        "compare": "year",
        "user_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "plan": "team & co",
        "sort": "overage",
        "rows": "50",
    }
    found = parse(asked, TODAY)
    assert parse(dict(parse_qsl(found.query())), TODAY) == found
    assert found.user_id == UUID(asked["user_id"])


def test_leaving_a_custom_range_drops_its_days_from_the_address() -> None:
    found = parse({"from": "2026-10-01", "to": "2026-10-15"}, TODAY)
    assert found.query(range="7d") == "range=7d"


@pytest.mark.parametrize(
    ("asked", "field", "rule"),
    [
        ({"range": "8d"}, "range", "must be one of 7d, 28d, 90d"),
        ({"range": "custom"}, "from", "is needed for a custom range"),
        ({"from": "2026-11-01"}, "to", "is needed for a custom range"),
        ({"from": "1.11.2026", "to": "2026-11-02"}, "from", "must be a day as YYYY-MM-DD"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "from", "must not be after `to`"),
        ({"from": "2026-11-02", "to": "2026-11-24"}, "to", "must not be after today"),
        ({"from": "2020-11-02", "to": "2026-11-01"}, "from", "must be within 400 days"),
        ({"from": "1066-10-14", "to": "1066-10-14"}, "from", "must not be before the year 2000"),
        ({"range": "7d", "from": "2026-11-01"}, "from", "goes only with range=custom"),
        ({"metric": "revenue"}, "metric", "must be one of active_users"),
        ({"compare": "never"}, "compare", "must be one of previous, year, none"),
        ({"user_id": "17"}, "user_id", "must be a UUID"),
        ({"plan": "x" * 101}, "plan", "must have at most 100 characters"),
        ({"sort": "name"}, "sort", "must be one of limit_share, overage, interviews"),
        ({"rows": "11"}, "rows", "must be one of 10, 50, 200"),
        ({"colour": "red"}, "colour", "is not a parameter of this page"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_rule(
    asked: dict[str, str], field: str, rule: str
) -> None:
    with pytest.raises(FiltersInvalid) as caught:
        parse(asked, TODAY)
    assert caught.value.field == field
    assert rule in caught.value.rule


def test_every_wrong_parameter_is_told_at_once() -> None:
    with pytest.raises(FiltersInvalid) as caught:
        parse({"range": "8d", "rows": "x", "colour": "red"}, TODAY)
    assert [problem.field for problem in caught.value.problems] == ["range", "rows", "colour"]


def test_a_download_cannot_run_a_formula_in_a_spreadsheet() -> None:
    text = csv_text(["name", "count"], [["=HYPERLINK(1)", -5], ["a, b", None]])
    assert text == 'name,count\r\n\'=HYPERLINK(1),-5\r\n"a, b",\r\n'
