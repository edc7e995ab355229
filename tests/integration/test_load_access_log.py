"""Access logs become events once, over the API, with their times in the last week."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from real_data import real

from ingestion.events import writer
from ingestion.loaders import api
from ingestion.loaders.access_logs.replay import replay
from ingestion.loaders.api import Api
from stores.clickhouse import client as clickhouse
from stores.errors import InputInvalid, SettingInvalid, StateConflict, StoreUnavailable

NOW = datetime.now(UTC)
WEB = (
    '203.0.113.9 - - [17/May/2015:10:{:02}:03 +0000] "GET /a HTTP/1.1" 200 203 "-" "Browser 1.0"\n'
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two equal requests, another, one from an IPv6 address, and a broken line."""
    path = tmp_path / "access.log"
    lines = [WEB.format(0), WEB.format(0), WEB.format(20)]
    lines += [WEB.format(30).replace("203.0.113.9", "2001:db8::1"), "broken\n"]
    path.write_text("".join(lines))
    return path


def ask(url: str, sql: str) -> list[Any]:
    return list(clickhouse.connect(url).query(sql).result_rows)


def test_every_request_lands_once_and_the_rest_is_reported(
    api_url: str, fresh_clickhouse_url: str, log: Path
) -> None:
    report = replay(log, "combined", now=NOW)
    writer.drain(timeout_seconds=30)
    again = replay(log, "combined", now=NOW + timedelta(weeks=5), wait_seconds=20)
    writer.drain(timeout_seconds=30)
    posted = report.posted["/v1/events"]
    assert (posted.sent, posted.accepted, posted.rejected) == (4, 3, 1)
    assert [skipped.where for skipped in report.skipped] == ["line 5", "line 4"]
    assert "rejected: ip_address" in report.skipped[1].reason
    assert (again.is_repeat, again.shift_weeks) == (True, report.shift_weeks)
    assert again.posted["/v1/events"].landed == 3
    [(events, ids, sessions, newest)] = ask(
        fresh_clickhouse_url,
        "SELECT count(), uniqExact(event_id), uniqExact(session_id), max(timestamp)"
        " FROM analytics.user_events",
    )
    assert (events, ids, sessions) == (3, 3, 1)
    newest = newest.replace(tzinfo=UTC)
    assert NOW - timedelta(weeks=1) < newest + timedelta(minutes=10) <= NOW
    assert (newest.weekday(), newest.minute) == (6, 20)


def test_a_log_that_grew_adds_only_its_new_lines(
    api_url: str, fresh_clickhouse_url: str, log: Path
) -> None:
    first = replay(log, "combined", now=NOW)
    with log.open("a") as file:
        file.write(WEB.format(21))
    second = replay(log, "combined", now=NOW)
    writer.drain(timeout_seconds=30)
    assert second.shift_weeks == first.shift_weeks
    assert ask(
        fresh_clickhouse_url,
        "SELECT count(), uniqExact(event_id), uniqExact(session_id) FROM analytics.user_events",
    ) == [(4, 4, 1)]


def test_a_replay_that_broke_off_is_completed_by_the_next(
    api_url: str, fresh_clickhouse_url: str, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_post, posted = Api.post, []

    def post_once(*arguments: Any) -> list[str]:
        if posted:
            raise StoreUnavailable("API_URL: gone")
        posted.append(True)
        return real_post(*arguments)

    monkeypatch.setattr(api, "BATCH_EVENTS", 2)
    with monkeypatch.context() as broken:
        broken.setattr(Api, "post", post_once)
        with pytest.raises(StoreUnavailable):
            replay(log, "combined", now=NOW)
    report = replay(log, "combined", now=NOW + timedelta(weeks=5))
    writer.drain(timeout_seconds=30)
    assert not report.is_repeat
    [(events, spread)] = ask(
        fresh_clickhouse_url,
        "SELECT count(), dateDiff('minute', min(timestamp), max(timestamp))"
        " FROM analytics.user_events",
    )
    assert (events, spread) == (3, 20)


def test_times_are_kept_on_request_and_not_changed_afterwards(
    api_url: str, clickhouse_url: str, log: Path
) -> None:
    assert replay(log, "combined", keep_times=True).shift_weeks == 0
    assert replay(log, "combined").shift_weeks == 0


def test_keeping_times_that_were_moved_before_is_refused(
    api_url: str, clickhouse_url: str, log: Path
) -> None:
    replay(log, "combined")
    with pytest.raises(StateConflict, match="--keep-times"):
        replay(log, "combined", keep_times=True)


def test_the_wrong_format_is_an_error_that_names_the_option(api_url: str, log: Path) -> None:
    with pytest.raises(InputInvalid, match="--format"):
        replay(log, "openstack")


def test_a_missing_file_is_an_error_that_names_it(api_url: str, tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match=r"FILE: .*nowhere\.log must be a file"):
        replay(tmp_path / "nowhere.log", "combined")


def test_a_refused_key_is_an_error_that_names_the_setting(
    api_url: str, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "wrong")
    with pytest.raises(SettingInvalid, match="API_KEY"):
        replay(log, "combined")


@pytest.mark.parametrize(
    ("name", "format_name", "sql", "expected"),
    [
        (
            "apache_combined_10k.log",
            "combined",
            "SELECT count(), uniqExact(event_id) FROM analytics.user_events"
            " WHERE event_type = 'page_view'",
            10_000,
        ),
        (
            "openstack_nova_api_2k.log",
            "openstack",
            "SELECT count(), uniqExact(request_id) FROM analytics.api_metrics"
            " WHERE service_name = 'nova-api'",
            1_017,
        ),
    ],
)
def test_each_real_log_lands_whole(
    api_url: str,
    fresh_clickhouse_url: str,
    *,
    name: str,
    format_name: str,
    sql: str,
    expected: int,
) -> None:
    path = real(f"access_logs/{name}")
    for _ in range(2):
        report = replay(path, format_name)
        writer.drain(timeout_seconds=30)
    # The second time most are known already; what is forgotten is found by the writer.
    [posted] = report.posted.values()
    assert (posted.sent, posted.taken, posted.rejected) == (expected, expected, 0)
    assert posted.accepted + posted.duplicates == expected
    assert ask(fresh_clickhouse_url, sql) == [(expected, expected)]
