"""Values that are easily mixed up: keys out of range, other time zones, generated columns."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import clickhouse_connect
import pytest
from fix_capture import PUBLICATION, Capture
from fix_clickhouse_http import PASSWORD, Endpoint

from ingestion.cdc.state import Request, StateStore
from ingestion.cdc.types_page import render_types_page
from stores.clickhouse.client import connect as connect_clickhouse
from stores.postgres.client import connect as connect_postgres
from stores.settings import REPOSITORY

ZONE = "America/New_York"
MOMENTS = """
CREATE TABLE moments (id int PRIMARY KEY, d date, ts timestamp, tstz timestamptz,
    ats timestamptz[], ad date[], nn timestamptz NOT NULL DEFAULT '2024-07-01 12:00:00.5+00')
"""
# Summer and winter, a gap and an overlap of New York's clocks, and both ends.
MOMENT_ROWS = (
    "INSERT INTO moments SELECT n, v::timestamptz::date, v::timestamptz::timestamp, v::timestamptz,"
    " ARRAY[v::timestamptz, NULL], ARRAY[v::timestamptz::date]"
    " FROM unnest(ARRAY['2024-01-01 00:30:00+00', '2024-03-10 02:30:00-05',"
    " '2024-11-03 01:30:00-04', '2024-11-03 01:30:00-05',"
    " '1883-11-18 12:03:58+00', '1969-12-31 23:59:59.999999+00',"
    " '0001-01-01 00:00:00+00', '9999-12-31 23:59:59.999999+00', 'infinity', '-infinity'])"
    " WITH ORDINALITY AS u(v, n)"
)


def test_keys_that_clickhouse_cannot_tell_apart_stay_two_rows(capture: Capture) -> None:
    capture.sql(
        "CREATE TABLE days (d date, n numeric(5, 2), t timestamptz, a int[], v int,"
        " PRIMARY KEY (d, n, t, a))",
    )
    capture.publish("days")
    rows = [
        "('infinity', 'NaN', 'infinity', '{1,2}', 1)",
        "('5874897-12-31', 'NaN', 'infinity', '{1,2}', 2)",
        "('infinity', 0, 'infinity', '{1,2}', 3)",
        "('infinity', 'NaN', '294276-12-31 23:59:59+00', '{1,2}', 4)",
        "('infinity', 'NaN', 'infinity', '{{1},{2}}', 5)",
        "('2024-02-29', 1.50, '2024-02-29 12:00:00.5+00', '{7}', 6)",
    ]
    capture.sql(f"INSERT INTO days VALUES {', '.join(rows)}")
    capture.settle()
    capture.assert_equal("days")
    snapshot = capture.rows("SELECT * FROM oltp.days ORDER BY v")

    capture.sql("DELETE FROM days", f"INSERT INTO days VALUES {', '.join(rows)}")
    capture.settle()
    capture.sql(
        "UPDATE days SET d = '-infinity', v = 7 WHERE v = 2", "DELETE FROM days WHERE v = 3"
    )
    capture.settle()

    capture.assert_equal("days")
    assert len(snapshot) == len(rows)
    shown = capture.rows(
        "SELECT toString(d), toString(n), toString(t), a, v FROM oltp.days WHERE v >= 6 ORDER BY v"
    )
    assert shown == [
        ("2024-02-29", "1.5", "2024-02-29 12:00:00.500000", [7], 6),
        ("0001-01-01", "0", "9999-12-31 23:59:59.999999", [1, 2], 7),
    ]
    types = capture.rows(
        "SELECT toTypeName(d), toTypeName(n), toTypeName(t) FROM oltp.days LIMIT 1"
    )
    assert types == [("Date32", "Decimal(5, 2)", "DateTime64(6, 'UTC')")]


def test_what_is_adjusted_is_listed_with_its_count_and_rule(capture: Capture) -> None:
    capture.sql(
        "CREATE TABLE odd (id int PRIMARY KEY, d date, n numeric(4, 1), a int[], exact date)"
    )
    capture.publish("odd")
    capture.sql("INSERT INTO odd VALUES (1, 'infinity', 'NaN', NULL, '2024-01-01')")
    capture.settle()
    capture.sql(
        "INSERT INTO odd VALUES (2, '-infinity', 1.5, '{}', NULL), (3, 'infinity', 2, '{}', NULL)",
        "DELETE FROM odd WHERE id = 3",
    )
    capture.settle()
    listed = capture.rows(
        "SELECT column, value_count, notEmpty(rule) FROM capture.adjusted_values"
        f" WHERE database = '{capture.options.target_database}_log' AND table = 'odd'"
    )
    assert listed == [("a", 1, 1), ("d", 2, 1), ("n", 1, 1)]


def _same_in_snapshot_and_stream(capture: Capture) -> list[tuple[object, ...]]:
    """The rows of `moments` as UTC texts, read twice."""
    texts = (
        "id, toString(d), toString(ts), toString(tstz), toString(ats), toString(ad), toString(nn)"
    )
    query = f"SELECT {texts} FROM oltp.moments ORDER BY id"
    capture.sql(MOMENT_ROWS)
    capture.settle()
    capture.assert_equal("moments")
    snapshot = capture.rows(query)
    capture.sql("DELETE FROM moments", MOMENT_ROWS)
    capture.settle()
    capture.assert_equal("moments")
    assert capture.rows(query) == snapshot
    return snapshot


@pytest.fixture
def moments(capture: Capture) -> Capture:
    capture.sql(MOMENTS)
    capture.publish("moments")
    return capture


@pytest.fixture
def elsewhere(moments: Capture, tmp_path: Path) -> Iterator[Capture]:
    """The same source into a ClickHouse whose clocks are New York's."""
    endpoint = Endpoint(tmp_path, ZONE)
    url = f"clickhouse://default:{quote(PASSWORD)}@127.0.0.1:{endpoint.port}/default"
    client = connect_clickhouse(url)
    options = replace(moments.options, clickhouse_url=url, slot=f"{moments.options.slot}_ny")
    StateStore(client, options.slot).prepare()
    yield Capture(options, client)
    client.close()
    endpoint.end(signal.SIGKILL)


def test_a_clickhouse_in_another_time_zone_holds_the_same_moments(
    moments: Capture, elsewhere: Capture
) -> None:
    assert elsewhere.rows("SELECT serverTimezone()") == [(ZONE,)]
    there = _same_in_snapshot_and_stream(elsewhere)
    moments.sql("TRUNCATE moments")
    assert _same_in_snapshot_and_stream(moments) == there


def test_a_session_in_another_time_zone_stores_the_same_moments(
    moments: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_client, here = clickhouse_connect.get_client, _same_in_snapshot_and_stream(moments)
    elsewhere = {"session_timezone": ZONE}
    monkeypatch.setattr(
        clickhouse_connect,
        "get_client",
        lambda **options: get_client(**options, settings=elsewhere),
    )
    client = connect_clickhouse(moments.options.clickhouse_url)
    assert client.query("SELECT timezone()").result_rows == [(ZONE,)]
    moments.sql("DELETE FROM moments")
    moments.settle()
    StateStore(client, moments.options.slot).save_request(
        Request("moments", "resync", datetime.now(UTC)), is_handled=False
    )
    assert _same_in_snapshot_and_stream(moments) == here


def test_stored_generated_columns_arrive_where_they_are_published(capture: Capture) -> None:
    capture.sql(
        "CREATE TABLE sums (id int PRIMARY KEY, a int,"
        " twice int GENERATED ALWAYS AS (a * 2) STORED,"
        " shown int GENERATED ALWAYS AS (a + 1) VIRTUAL)",
        "INSERT INTO sums VALUES (1, 21)",
        f"CREATE PUBLICATION {PUBLICATION} FOR TABLE sums"
        " WITH (publish_generated_columns = stored)",
    )
    capture.settle()
    capture.sql("INSERT INTO sums VALUES (2, 4)", "UPDATE sums SET a = 5 WHERE id = 1")
    capture.settle()
    capture.assert_equal("sums")
    assert capture.rows("SELECT * FROM oltp.sums ORDER BY id") == [(1, 5, 10), (2, 4, 8)]


def test_the_page_of_types_names_every_type_a_column_can_have(postgres_url: str) -> None:
    with connect_postgres(postgres_url) as connection:
        rows = connection.execute(
            "SELECT typname FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace"
            " WHERE nspname = 'pg_catalog' AND typtype IN ('b', 'r', 'm') AND typcategory <> 'A'"
            " AND typname NOT LIKE '\\_%' AND typname NOT LIKE 'pg\\_%' ORDER BY 1"
        ).fetchall()
    page = (REPOSITORY / "docs/reference/capture_types.md").read_text()
    assert page == render_types_page()
    named = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")}
    # numeric has lines of its own, by precision and scale.
    assert sorted({name for (name,) in rows} - named) == ["numeric"]
