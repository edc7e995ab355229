"""The page of expectations and the command beside it: the same answers, before and after."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from fix_stack import RunningStack
from fix_usage import UsageSite

from interview_data.cli import main
from stores.clickhouse.client import ClickHouseClient, connect

PAGE = "/dashboards/expectations"
ROW = UUID(int=7)


@pytest.fixture
def clickhouse(usage_site: UsageSite, clickhouse_url: str) -> Iterator[ClickHouseClient]:
    """A client; nothing was asked yet."""
    client = connect(clickhouse_url)
    for table in ("results", "quarantine", "looks"):
        client.command(f"TRUNCATE TABLE expectations.{table}")
    yield client
    client.close()


@pytest.fixture
def page(usage_client: TestClient, usage_key: str) -> TestClient:
    """A browser that is signed in."""
    usage_client.post("/dashboards/login", data={"api_key": usage_key})
    return usage_client


def answer(client: ClickHouseClient, name: str, *, suite: str = "users", **values: object) -> None:
    """One answer of a run of its own."""
    row = {
        "run_id": uuid4(),
        "suite": suite,
        "expectation": name,
        "why": "A reader would be misled.",
        "severity": "severe",
        "is_met": True,
        "observed": "{}",
        "breaking_count": 0,
        "breaking_keys": [],
        "error": "",
    } | values
    client.insert("expectations.results", [list(row.values())], column_names=list(row))


def keep_out(client: ClickHouseClient, suite: str = "users") -> None:
    """A row in quarantine."""
    row = {
        "suite": suite,
        "row_id": ROW,
        "expectation": "id_is_given",
        "reason": "It would be <nobody's>.",
        "content": json.dumps({"status": "<script>alert(1)</script>"}),
        "content_hash": 1,
        "state": "open",
        "found_at": datetime.now(UTC),
    }
    client.insert("expectations.quarantine", [list(row.values())], column_names=list(row))


def test_nobody_sees_it_without_signing_in(
    usage_client: TestClient, clickhouse: ClickHouseClient
) -> None:
    shown = usage_client.get(PAGE)
    assert shown.status_code == 303
    assert shown.headers["location"].startswith(
        "/dashboards/login?next=%2Fdashboards%2Fexpectations"
    )


def test_before_the_first_run_it_says_how_to_have_one(
    page: TestClient, clickhouse: ClickHouseClient
) -> None:
    shown = page.get(PAGE)
    assert shown.status_code == 200
    assert "interview-data expectations run" in shown.text
    assert "No row is kept out." in shown.text


def test_it_shows_what_does_not_hold_why_since_when_and_what_is_kept_out(
    page: TestClient, clickhouse: ClickHouseClient
) -> None:
    run = uuid4()
    answer(clickhouse, "id_is_given", checked_at=datetime(2026, 11, 1, tzinfo=UTC))
    answer(
        clickhouse,
        "id_is_given",
        run_id=run,
        is_met=False,
        breaking_count=1234,
        breaking_keys=[str(ROW)],
    )
    answer(clickhouse, "status_is_known", run_id=run, severity="warning", is_met=False)
    answer(clickhouse, "metadata_is_json", run_id=run, is_met=False, error="no column <metadata>")
    answer(clickhouse, "something_has_landed", run_id=run)
    keep_out(clickhouse)
    clickhouse.insert(
        "expectations.looks",
        [["users", "oltp.users: 11 of 12 rows are in quarantine"]],
        column_names=["suite", "blocked_by"],
    )
    shown = page.get(PAGE)
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "<script" not in shown.text
    text = unescape(shown.text)
    assert "users: Id is given" in text
    assert "1,234 broken" in text
    assert 'aria-label="met in 1 of the last 2 runs"' in shown.text
    assert "no column <metadata>" in text
    assert "not asked" in text
    assert "Something has landed" not in text
    assert "<script>alert(1)</script>" in text
    assert shown.text.count('role="alert"') == 1
    assert "11 of 12 rows are in quarantine" in text
    chosen = page.get(f"{PAGE}?suite=users").text
    assert "Something has landed" in chosen
    assert str(ROW) in chosen
    other = page.get(f"{PAGE}?suite=<b>nothing").text
    assert "&lt;b&gt;nothing" in other
    assert "No answers of this suite yet." in other


def test_while_clickhouse_is_away_it_says_so(
    page: TestClient, clickhouse: ClickHouseClient, usage_site: UsageSite, free_tcp_port: int
) -> None:
    from serving.queries.warehouse import Warehouse

    away = Warehouse(f"clickhouse://a:b@127.0.0.1:{free_tcp_port}/x")
    usage_site.app.state.warehouse = away
    shown = page.get(PAGE)
    assert (shown.status_code, "ClickHouse does not answer" in shown.text) == (503, True)
    away.close()


def test_the_command_lists_answers_and_rows_and_releases_them(
    stack: RunningStack, clickhouse: ClickHouseClient
) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["expectations", *arguments], catch_exceptions=False)
        return done.output

    assert "Nothing was asked yet" in run("results")
    assert "No row is in quarantine." in run("quarantine", "list")
    answer(clickhouse, "id_is_given", is_met=False, breaking_count=1, breaking_keys=[str(ROW)])
    keep_out(clickhouse)
    [found] = json.loads(run("results", "users", "--unmet", "--json"))
    assert (found["expectation"], found["first_breaking"]) == ("id_is_given", str(ROW))
    [row] = json.loads(run("quarantine", "list", "users", "--json"))
    assert (row["row_id"], row["state"]) == (str(ROW), "open")
    assert "suite: must be one of user_events" in run("results", "nothing")
    assert "name the rows to release, or give --all" in run("quarantine", "release", "users")
    assert "is not in quarantine" in run("quarantine", "release", "users", str(uuid4()))
    assert "1 row of users released" in run("quarantine", "release", "users", str(ROW))
    assert json.loads(run("quarantine", "list", "--json")) == []
    assert json.loads(run("quarantine", "list", "--all", "--json"))[0]["state"] == "released"
