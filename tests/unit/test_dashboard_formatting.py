"""Numbers as a product manager reads them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from serving.dashboards import formatting

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mebibytes", "text"),
    [
        (0, "0 MiB"),
        (512, "512 MiB"),
        (1023, "1,023 MiB"),
        (1536, "1.5 GiB"),
        (5 * 1024**2, "5 TiB"),
    ],
)
def test_a_size_is_shown_in_the_unit_that_suits_it(mebibytes: int, text: str) -> None:
    assert formatting.size(mebibytes) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (950, "950"), (1200, "1.2k"), (25_000, "25k"), (3_000_000, "3M"), (2.5e12, "2.5T")],
)
def test_an_axis_has_short_numbers(value: float, text: str) -> None:
    assert formatting.short(value) == text


@pytest.mark.parametrize(
    ("current", "previous", "text", "direction"),
    [
        (112, 100, "12%", "up"),
        (88, 100, "12%", "down"),
        (1000, 1001, "0%", "flat"),
        (5, 0, "new", "up"),
        (0, 0, "0%", "flat"),
        (0, 7, "100%", "down"),
        (1200, 100, "×12", "up"),
    ],
)
def test_a_change_has_a_size_and_a_direction(
    current: int, previous: int, text: str, direction: str
) -> None:
    found = formatting.change(current, previous)
    assert (found.text, found.direction) == (text, direction)


def test_a_change_can_be_read_aloud() -> None:
    assert formatting.change(1536, 1024, "mebibytes").sentence == "up 50% from 1 GiB"


def test_a_small_share_is_not_shown_as_nothing() -> None:
    assert formatting.share(1, 1000) == "<1%"
    assert formatting.share(0, 1000) == "0%"
    assert formatting.share(15, 10) == "150%"
    assert formatting.share(15, 0) == "–"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=-3), "0 s ago"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(seconds=90), "1 min ago"),
        (timedelta(minutes=119), "119 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=3), "3 d ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(ago: timedelta, text: str) -> None:
    assert formatting.age(NOW - ago, NOW) == text


def test_a_range_does_not_repeat_what_its_ends_share() -> None:
    assert formatting.day_range(date(2026, 11, 1), date(2026, 11, 23)) == "1–23 Nov 2026"
    assert formatting.day_range(date(2026, 10, 27), date(2026, 11, 2)) == "27 Oct – 2 Nov 2026"
    assert formatting.day_range(date(2025, 12, 30), date(2026, 1, 2)) == "30 Dec 2025 – 2 Jan 2026"
    assert formatting.day_range(date(2026, 11, 23), date(2026, 11, 23)) == "Mon 23 Nov 2026"


def test_an_older_time_names_its_day() -> None:
    assert formatting.moment(NOW, NOW) == "14:00:00 UTC"
    assert formatting.moment(NOW - timedelta(days=2), NOW) == "21 Nov 2026, 14:00:00 UTC"


def test_an_identifier_is_shown_as_words() -> None:
    assert formatting.title("candidate_invited") == "Candidate invited"
    assert formatting.title("") == "(none)"
