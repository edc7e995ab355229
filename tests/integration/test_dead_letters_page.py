"""The page of dead letters: what it shows, to whom, and that nothing in a letter can act."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from fastapi.testclient import TestClient
from fix_usage import UsageSite

from stores.clickhouse.client import ClickHouseClient, connect

PAGE = "/dashboards/dead-letters"
HOSTILE = b"<script>alert(1)</script>\xff\x00"


@pytest.fixture
def clickhouse(usage_site: UsageSite, clickhouse_url: str) -> Iterator[ClickHouseClient]:
    """A client; there are no dead letters."""
    client = connect(clickhouse_url)
    for table in ("dead_letters", "dead_letter_replays"):
        client.command(f"TRUNCATE TABLE platform.{table}")
    yield client
    client.close()


@pytest.fixture
def page(usage_client: TestClient, usage_key: str) -> TestClient:
    """A browser that is signed in."""
    usage_client.post("/dashboards/login", data={"api_key": usage_key})
    return usage_client


def bury(client: ClickHouseClient, count: int = 1, **values: object) -> list[uuid.UUID]:
    """Letters, one millisecond apart."""
    ids = [uuid.uuid4() for _ in range(count)]
    now = datetime.now(UTC) - timedelta(minutes=1)
    row = {
        "topic": "user-events",
        "source": "key:one",
        "event_id": "an-id",
        "field": "user_id",
        "rule": "format",
        "reason": "must be a UUID",
        "body": HOSTILE,
        "received_at": now,
    } | values
    at = row.pop("received_at")
    assert isinstance(at, datetime)
    rows = [
        [identity, *row.values(), at + timedelta(milliseconds=n)] for n, identity in enumerate(ids)
    ]
    names = ["dead_letter_id", *row, "received_at"]
    client.insert("platform.dead_letters", rows, column_names=names)
    return ids


def test_nobody_sees_it_without_signing_in(
    usage_client: TestClient, clickhouse: ClickHouseClient
) -> None:
    bury(clickhouse)
    answer = usage_client.get(PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(
        "/dashboards/login?next=%2Fdashboards%2Fdead-letters"
    )


def test_a_letter_shows_its_reason_and_its_bytes_and_cannot_act(
    page: TestClient, clickhouse: ClickHouseClient
) -> None:
    bury(clickhouse)
    answer = page.get(PAGE)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "<script>alert(1)</script>\\xff" in unescape(answer.text)
    assert "must be a UUID" in answer.text
    assert 'role="alert"' not in answer.text


def test_it_is_filtered_by_topic_rule_and_state_and_read_page_by_page(
    page: TestClient, clickhouse: ClickHouseClient
) -> None:
    first = bury(clickhouse, 60)
    [replayed] = bury(clickhouse, topic="api-metrics", rule="conflict")
    clickhouse.insert(
        "platform.dead_letter_replays",
        [[replayed, "published"]],
        column_names=["dead_letter_id", "outcome"],
    )

    def rows(query: str) -> int:
        return page.get(f"{PAGE}?{query}").text.count("<details><summary>")

    assert (rows(""), rows("state=all&topic=api-metrics"), rows("topic=api-metrics")) == (50, 1, 0)
    assert (rows("state=replayed"), rows("rule=nothing"), rows("rule=format")) == (1, 0, 50)
    [older] = re.findall(r'href="\?([^"]*before[^"]*)" rel="next"', page.get(PAGE).text)
    assert rows(unescape(older)) == len(first) - 50
    assert rows("before=nonsense&state=nonsense") == 50


def test_a_letter_that_has_been_waiting_too_long_raises_an_alert(
    page: TestClient, clickhouse: ClickHouseClient
) -> None:
    bury(clickhouse, received_at=datetime.now(UTC) - timedelta(hours=30))
    text = page.get(PAGE).text
    assert 'role="alert"' in text
    assert "the oldest for 30 hours" in text
