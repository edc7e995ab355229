"""A line of an access log is one event with a stable id, or is left out for a reason."""

from datetime import UTC, datetime, timedelta

import pytest
from real_data import real

from ingestion.loaders.access_logs import combined, openstack
from ingestion.loaders.access_logs.lines import Event, LeftOut, LineReader
from ingestion.loaders.access_logs.replay import FORMATS, _outgoing, _read_once
from ingestion.loaders.report import LoadReport
from ingestion.loaders.shift import weeks_into_the_last

WEB = (
    '203.0.113.9 - - [17/May/2015:10:{minute:02}:03 +0200] "GET /a%20b?q=1 HTTP/1.1" 200 203'
    ' "http://from.example/" "Browser \\"X\\" 1.0"'
)
NOVA = (
    "nova-api.log.1 2017-05-16 00:00:00.008 25746 INFO nova.osapi_compute.wsgi.server"
    " [req-38101a0b-2096-447d-96ea-a692162415ae {user} 54fadb412c4e40cdbaed9335e4c35a9e - - -]"
    ' 10.11.10.1 "GET /v2/54fa/servers/detail HTTP/1.1" status: 200 len: 1893 time: 0.2477829'
)


def web(reader: LineReader | None = None, number: int = 1, minute: int = 0) -> Event:
    event = (reader or combined.FORMAT.make_reader("d"))(WEB.format(minute=minute), number)
    assert isinstance(event, Event)
    return event


def test_a_web_request_becomes_a_page_view() -> None:
    event = web()
    assert event.at == datetime(2015, 5, 17, 8, 0, 3, tzinfo=UTC)
    assert event.fields["event_type"] == "page_view"
    assert event.fields["ip_address"] == "203.0.113.9"
    assert event.fields["user_agent"] == 'Browser \\"X\\" 1.0'
    assert event.fields["event_data"] == {
        "path": "/a%20b?q=1",
        "method": "GET",
        "status": 200,
        "size_bytes": 203,
        "referrer": "http://from.example/",
    }


def test_two_equal_lines_are_two_requests_and_a_second_reading_gives_the_same_ids() -> None:
    first, second, again = web(number=1), web(number=2), web(number=1)
    assert first.id == again.id != second.id


def test_another_log_gives_other_ids_but_the_same_visitor() -> None:
    other = web(combined.FORMAT.make_reader("another"))
    assert other.id != web().id
    assert other.fields["user_id"] == web().fields["user_id"]


def test_half_an_hour_without_a_request_ends_a_visit() -> None:
    reader = combined.FORMAT.make_reader("d")
    sessions = [
        web(reader, number, minute).fields["session_id"]
        for number, minute in enumerate((0, 29, 25, 59), 1)
    ]
    assert len(set(sessions)) == 1
    reader = combined.FORMAT.make_reader("d")
    sessions = [
        web(reader, number, minute).fields["session_id"] for number, minute in ((1, 0), (2, 31))
    ]
    assert len(set(sessions)) == 2


def test_a_line_cut_off_in_the_browsers_name_is_kept_and_noted() -> None:
    event = combined.FORMAT.make_reader("d")(WEB.format(minute=0)[:-8], 1)
    assert isinstance(event, Event)
    assert event.note
    assert "cut off" in event.note


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "not a line of the combined format"),
        (WEB.format(minute=0).replace("May", "Mai"), "its time"),
        (WEB.format(minute=0).replace("GET /a%20b?q=1 HTTP/1.1", "\\x16\\x03"), "its request"),
    ],
)
def test_what_is_no_request_is_left_out_with_a_reason(line: str, reason: str) -> None:
    found = combined.FORMAT.make_reader("d")(line, 1)
    assert isinstance(found, LeftOut)
    assert found.reason.startswith(reason)


def test_a_request_of_the_api_keeps_its_id_and_its_user() -> None:
    line = NOVA.format(user="113d3a99c3da401fbd62cc2caa5b96d2")
    event = openstack.FORMAT.make_reader("d")(line, 1)
    assert isinstance(event, Event)
    assert event.at == datetime(2017, 5, 16, 0, 0, 0, 8000, tzinfo=UTC)
    assert event.fields == {
        "request_id": "38101a0b-2096-447d-96ea-a692162415ae",
        "method": "GET",
        "endpoint": "/v2/54fa/servers/detail",
        "status_code": 200,
        "response_time_ms": 248,
        "user_id": "113d3a99-c3da-401f-bd62-cc2caa5b96d2",
        "service_name": "nova-api",
    }


def test_a_request_of_nobody_has_the_nil_user() -> None:
    event = openstack.FORMAT.make_reader("d")(NOVA.format(user="-"), 1)
    assert isinstance(event, Event)
    assert event.fields["user_id"] == "00000000-0000-0000-0000-000000000000"


def test_lines_without_a_status_are_counted_but_expected() -> None:
    found = openstack.FORMAT.make_reader("d")("2017-05-16 INFO nova.compute [-] Lifecycle", 1)
    assert isinstance(found, LeftOut)
    assert found.is_expected


@pytest.mark.parametrize("days_ago", [0.0, 0.1, 6.9, 7.0, 30.0, 4000.0, -3.0])
def test_the_move_is_the_one_number_of_weeks_that_ends_in_the_last_week(days_ago: float) -> None:
    now = datetime(2026, 11, 23, 14, tzinfo=UTC)
    newest = now - timedelta(days=days_ago)
    moved = newest + timedelta(weeks=weeks_into_the_last(newest, now))
    assert now - timedelta(weeks=1) < moved <= now
    assert (moved.weekday(), moved.time()) == (newest.weekday(), newest.time())


@pytest.mark.parametrize(
    ("name", "format_name", "events", "skipped", "users"),
    [
        ("apache_combined_10k.log", "combined", 10_000, 0, 1_862),
        ("openstack_nova_api_2k.log", "openstack", 1_017, 983, 4),
    ],
)
def test_each_real_log_gives_as_many_distinct_events_as_it_has_requests(
    name: str, format_name: str, events: int, skipped: int, users: int
) -> None:
    path, report = real(f"access_logs/{name}"), LoadReport("access-log", name)
    first = _read_once(path, FORMATS[format_name], report)
    sent = list(_outgoing(path, FORMATS[format_name], first.identity, 500))
    assert first.events == len(sent) == len({event.id for event in sent}) == events
    assert sum(report.skipped_by_reason.values()) == skipped
    assert report.skipped == []
    assert len({event.fields["user_id"] for event in sent}) == users
