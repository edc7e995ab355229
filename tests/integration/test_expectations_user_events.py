"""The suite on user events: quiet on good rows, and naming what is wrong with bad ones."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from expectations.checkpoint import run_suite
from expectations.suite import Expectation, Suite
from expectations.user_events import SUITE
from stores.clickhouse.client import ClickHouseClient, connect

NOBODY = UUID(int=0)


def _insert(client: ClickHouseClient, **changed: Any) -> None:
    row = {
        "event_id": uuid4(),
        "user_id": uuid4(),
        "event_type": "page_view",
        "event_data": "{}",
        "session_id": uuid4(),
        "timestamp": datetime.now(UTC),
    } | changed
    client.insert("analytics.user_events", [list(row.values())], column_names=list(row))


@pytest.mark.timeout(300)
def test_good_events_meet_the_suite_and_each_kind_of_bad_one_is_named(
    fresh_clickhouse_url: str,
) -> None:
    client = connect(fresh_clickhouse_url)
    empty = run_suite(SUITE)
    assert [result.name for result in empty.unmet] == ["something_has_landed"]
    assert not empty.has_severe_failure

    for _ in range(3):
        _insert(client)
    good = run_suite(SUITE)
    assert good.is_met, good.unmet

    twice = uuid4()
    _insert(client, event_id=twice)
    _insert(client, event_id=twice)
    _insert(client, event_type="Clicked on 17")
    _insert(client, date=datetime.now(UTC).date() - timedelta(days=3))
    _insert(client, event_data="[1]")
    _insert(client, session_id=NOBODY)
    bad = run_suite(SUITE)
    assert {result.name for result in bad.unmet} == {
        "event_id_is_unique",
        "event_type_is_a_plain_name",
        "date_is_the_day_of_the_timestamp",
        "event_data_is_a_json_object",
        "session_is_given",
    }
    assert bad.has_severe_failure
    assert not any(result.error for result in bad.results)

    kept = client.query(
        "SELECT countIf(is_met), countIf(NOT is_met) FROM expectations.results"
        " GROUP BY run_id ORDER BY min(checked_at)"
    ).result_rows
    count = len(SUITE.expectations)
    assert [tuple(row) for row in kept] == [(count - 1, 1), (count, 0), (count - 5, 5)]


@pytest.mark.timeout(300)
def test_an_expectation_that_cannot_be_asked_is_not_met_and_says_why(
    fresh_clickhouse_url: str,
) -> None:
    wrong = Expectation(
        "no_such_column",
        "A renamed column must not pass for a good one.",
        "severe",
        "ExpectColumnValuesToBeUnique",
        {"column": "no_such_column"},
    )
    report = run_suite(Suite("user_events", SUITE.rows, (wrong,)))
    assert not report.is_met
    assert "no_such_column" in report.results[0].error
