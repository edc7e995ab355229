"""The demo is in PostgreSQL and ClickHouse once, however often it is loaded."""

from datetime import UTC, datetime, timedelta

import pytest

from ingestion.events import writer
from ingestion.loaders import landed
from ingestion.loaders.demo.load import load_demo
from ingestion.loaders.report import LoadReport
from ingestion.loaders.rows import ORDER
from stores.clickhouse import client as clickhouse
from stores.errors import InputInvalid, SettingInvalid
from stores.postgres.client import connect

NOW = datetime.now(UTC).replace(microsecond=0)


def counts(url: str) -> dict[str, int]:
    with connect(url) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in ORDER
        }


def load(users: int = 30, **options: object) -> LoadReport:
    options = {"with_events": False, "now": NOW, **options}
    return load_demo(users, 60, 7, **options)  # type: ignore[arg-type]


def test_the_demo_fills_every_table_and_a_second_run_writes_nothing(postgres_url: str) -> None:
    load()
    before = counts(postgres_url)
    assert all(before.values()), before
    assert before["users"] == 30
    again = load(again=True, now=NOW + timedelta(days=20))
    assert counts(postgres_url) == before
    assert all(
        (written.inserted, written.updated) == (0, 0) for written in again.tables.values()
    ), again.tables


def test_two_demos_with_other_parameters_live_side_by_side(postgres_url: str) -> None:
    load(5)
    load(6)
    assert counts(postgres_url)["users"] == 11


@pytest.mark.parametrize(
    ("users", "days", "rule"), [(0, 90, "--users"), (5, 0, "--days"), (5, 9999, "--days")]
)
def test_impossible_parameters_are_refused_by_name(users: int, days: int, rule: str) -> None:
    with pytest.raises(InputInvalid, match=rule):
        load_demo(users, days)


def test_without_an_api_the_demo_says_which_setting_is_missing(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERVIEW_DATA_HOME", "/nonexistent")
    with pytest.raises(SettingInvalid, match="API_URL"):
        load(5, with_events=True)
    assert counts(postgres_url)["users"] == 0


def test_its_events_land_once_through_the_api(
    api_url: str, postgres_url: str, fresh_clickhouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landed, "_PAUSE_SECONDS", 0.05)
    first = load(10, with_events=True)
    writer.drain(timeout_seconds=30)
    second = load(10, with_events=True, again=True, wait_seconds=30)
    writer.drain(timeout_seconds=30)
    third = load(10, with_events=True)
    assert (first.is_repeat, second.is_repeat, third.is_repeat) == (False, True, True)
    assert third.posted == {}
    assert second.missing_count == 0
    client = clickhouse.connect(fresh_clickhouse_url)
    for endpoint, table, key in (
        ("/v1/events", "user_events", "event_id"),
        ("/v1/interview-metrics", "interview_metrics", "metric_id"),
        ("/v1/api-metrics", "api_metrics", "request_id"),
    ):
        found = client.query(
            f"SELECT count(), uniqExact({key}) FROM analytics.{table}"
            + (" WHERE service_name != 'interview-data-api'" if table == "api_metrics" else "")
        ).result_rows[0]
        sent = first.posted[endpoint]
        assert sent.rejected == 0
        assert found == (sent.accepted, sent.accepted), table
