"""From sent to counted: what the API says of an event at each step, of all three kinds."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fix_stack import wait_until
from fix_warehouse import Warehouse
from starlette.testclient import TestClient

from ingestion.events import writer
from serving.app import create_app
from stores.postgres import api_keys
from stores.postgres.client import connect


@pytest.fixture
def client(event_bus_url: str, redis_url: str, postgres_url: str) -> Iterator[TestClient]:
    """The API with a key for everything."""
    with connect(postgres_url) as connection:
        key = api_keys.create(connection, "all")
    with TestClient(create_app(), raise_server_exceptions=False) as found:
        found.headers["Authorization"] = f"Bearer {key}"
        yield found


def sent(client: TestClient) -> dict[str, str]:
    """One event of each kind, accepted; their ids by kind."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    found = {}
    document = client.get("/openapi.json").json()
    for kind, path, name in (
        ("user_events", "/v1/events", "event_id"),
        ("interview_metrics", "/v1/interview-metrics", "metric_id"),
        ("api_metrics", "/v1/api-metrics", "request_id"),
    ):
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        found[kind] = str(uuid.uuid4())
        event = body["example"][0] | {name: found[kind], "timestamp": now.isoformat()}
        assert client.post(path, json=[event]).json()["accepted_count"] == 1
    return found


def states(client: TestClient, ids: dict[str, str]) -> dict[str, Any]:
    """What is said of each."""
    answers = {kind: client.get(f"/v1/events/{ids[kind]}/status") for kind in ids}
    return {
        kind: answer.json()["status"] if answer.status_code == 200 else answer.status_code
        for kind, answer in answers.items()
    }


@pytest.mark.timeout(300)
def test_an_event_is_followed_from_the_bus_to_its_slice_of_the_rollup(
    warehouse: Warehouse, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sent(client)
    on_the_bus = dict.fromkeys(ids, "received")
    wait_until(lambda: states(client, ids) == on_the_bus)
    writer.drain(30)
    stored = on_the_bus | {"user_events": "stored", "api_metrics": "stored"}
    assert states(client, ids) == stored | {"interview_metrics": "counted"}
    warehouse.build()
    assert states(client, ids) == dict.fromkeys(ids, "counted")
    body = client.get(f"/v1/events/{ids['user_events']}/status").json()
    assert body["slice"]["relation"] == "rollups.rollup_user_activity_daily"
    assert body["slice"]["key"]["event_type"] == "interview_created"
    assert body["event_time"] < body["received_at"] <= body["watermark"]["data_until"]
    # Another one of the same slice is stored and not counted yet; nor is the slice it joined.
    later = sent(client)
    writer.drain(30)
    assert states(client, later)["user_events"] == "stored"
    # ClickHouse alone knows it all.
    with monkeypatch.context() as patched:
        patched.setenv("REDIS_URL", "redis://127.0.0.1:1")
        with TestClient(create_app()) as without_redis:
            without_redis.headers.update(client.headers)
            assert states(without_redis, later)["interview_metrics"] == "counted"
            # What is on its way it cannot know, and 404 would say that it never came.
            assert states(without_redis, sent(client)) == dict.fromkeys(ids, 503)
    assert states(client, {"unknown": str(uuid.uuid4())}) == {"unknown": 404}


def test_a_rejected_event_says_why(
    clickhouse_url: str, client: TestClient, postgres_url: str
) -> None:
    identity = str(uuid.uuid4())
    event = {
        "event_id": identity,
        "user_id": str(uuid.uuid4()),
        "event_type": "with space",
        "timestamp": datetime.now(UTC).isoformat(),
    }
    assert client.post("/v1/events", json=[event]).json()["rejected_count"] == 1
    writer.drain(30)
    body = client.get(f"/v1/events/{identity}/status").json()
    assert body["status"] == "rejected"
    [refusal] = body["refusals"]
    assert (refusal["field"], refusal["rule"]) == ("event_type", "format")
    assert "letter" in refusal["reason"]
    with connect(postgres_url) as connection:
        writing = api_keys.create(connection, "writer", ["events:write"])
    headers = {"Authorization": f"Bearer {writing}"}
    assert client.get(f"/v1/events/{identity}/status", headers=headers).status_code == 403
