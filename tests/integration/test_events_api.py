"""The ingest API against a real bus and real keys: what 202 promises, and every refusal."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from fix_stack import wait_until
from starlette.testclient import TestClient

from serving import security
from serving.app import create_app
from serving.measuring import SERVICE_NAME
from stores import event_bus
from stores.event_bus.interface import EventBus
from stores.event_bus.topics import API_METRICS, USER_EVENTS
from stores.postgres import api_keys
from stores.postgres.client import connect

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def event(**changes: Any) -> dict[str, Any]:
    """A good user event."""
    return {
        "event_id": str(uuid.uuid4()),
        "user_id": "5b0f6a3e-58f4-4f0f-9c39-6a2b3f2f4a10",
        "event_type": "page_view",
        "timestamp": "2026-11-23T09:30:00Z",
    } | changes


def make_key(url: str, name: str, *scopes: str) -> dict[str, str]:
    """The header of a new key."""
    with connect(url) as connection:
        key = api_keys.create(connection, name, scopes or api_keys.SCOPES)
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def bus(event_bus_url: str) -> Iterator[EventBus]:
    """The bus, emptied."""
    found = event_bus.connect(event_bus_url)
    yield found
    found.close()


@pytest.fixture
def client(bus: EventBus, postgres_url: str) -> Iterator[TestClient]:
    """The API with a key for everything."""
    with TestClient(create_app(), raise_server_exceptions=False) as found:
        found.headers.update(make_key(postgres_url, "all"))
        yield found


def published(bus: EventBus, topic: str = USER_EVENTS.name) -> list[dict[str, Any]]:
    """Every row that the bus holds and that nobody has read yet."""
    deliveries = bus.consume(topic, 10_000)
    return [json.loads(line) for item in deliveries for line in item.body.split(b"\n")]


def test_accepted_events_are_on_the_bus_when_the_answer_comes(
    client: TestClient, bus: EventBus
) -> None:
    events = [event() for _ in range(2500)]
    answer = client.post("/v1/events", json=events)
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted_count": 2500,
        "duplicate_count": 0,
        "rejected_count": 0,
        "rejected": [],
    }
    assert [row["event_id"] for row in published(bus)] == [item["event_id"] for item in events]
    assert bus.counts(USER_EVENTS.name).published_count == 2500


def test_a_bad_event_is_reported_and_does_not_reject_its_batch(
    client: TestClient, bus: EventBus
) -> None:
    answer = client.post("/v1/events", json=[event(), event(event_id="no"), event()])
    assert answer.status_code == 202
    assert answer.json()["accepted_count"] == 2
    [rejected] = answer.json()["rejected"]
    assert (rejected["index"], rejected["field"]) == (1, "event_id")
    assert "UUID" in rejected["rule"]
    assert len(published(bus)) == 2


def test_lines_are_taken_as_well_as_an_array(client: TestClient, bus: EventBus) -> None:
    body = "\n".join(json.dumps(event()) for _ in range(3)) + "\n"
    answer = client.post("/v1/events", content=body, headers=NDJSON)
    assert answer.json()["accepted_count"] == 3
    assert len(published(bus)) == 3


def test_each_kind_has_its_own_endpoint_and_topic(client: TestClient, bus: EventBus) -> None:
    document = client.get("/openapi.json").json()
    for path in ("/v1/events", "/v1/interview-metrics", "/v1/api-metrics"):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        answer = client.post(path, json=content["application/json"]["example"])
        assert (answer.status_code, answer.json()["accepted_count"]) == (202, 1)
    assert len(published(bus)) == 1
    assert len(published(bus, "interview-metrics")) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"[", JSON, 400),
        (b'{"event_id": 1}', JSON, 400),
        (b"[]", {"Content-Type": "text/plain"}, 415),
        (b"[]", {}, 415),
        (b"[]", JSON | {"Content-Encoding": "gzip"}, 415),
        (b"[" + b" " * (10 * 1024 * 1024) + b"]", JSON, 413),
        (b"{}\n" * 10_001, NDJSON, 413),
    ],
)
def test_a_body_that_cannot_be_taken_is_a_problem_document(
    client: TestClient, bus: EventBus, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/v1/events", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert published(bus) == []


def test_a_body_without_an_announced_length_is_cut_off_at_the_limit(client: TestClient) -> None:
    parts = (b" " * 1024 * 1024 for _ in range(11))
    assert client.post("/v1/events", content=parts, headers=JSON).status_code == 413


def test_the_largest_batch_allowed_is_taken(client: TestClient) -> None:
    answer = client.post("/v1/events", json=[event() for _ in range(10_000)])
    assert answer.json()["accepted_count"] == 10_000


def test_without_a_working_key_nothing_is_taken(
    client: TestClient, bus: EventBus, postgres_url: str
) -> None:
    reader = make_key(postgres_url, "reader", "usage:read")
    revoked = make_key(postgres_url, "revoked")
    with connect(postgres_url) as connection:
        assert api_keys.revoke(connection, "revoked")
    del client.headers["Authorization"]
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Authorization": "Basic bm9uc2Vuc2U="}, 401),
        (revoked, 401),
        (reader, 403),
    ):
        answer = client.post("/v1/events", json=[event()], headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert ("www-authenticate" in answer.headers) == (status == 401)
    assert published(bus) == []


def test_a_revoked_key_stops_working_once_it_is_no_longer_remembered(
    client: TestClient, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "REMEMBERED_SECONDS", 0.0)
    assert client.post("/v1/events", json=[event()]).status_code == 202
    with connect(postgres_url) as connection:
        api_keys.revoke(connection, "all")
    assert client.post("/v1/events", json=[event()]).status_code == 401


def test_a_known_key_goes_on_working_while_postgres_is_away(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "REMEMBERED_SECONDS", 0.0)
    assert client.post("/v1/events", json=[event()]).status_code == 202
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert client.post("/v1/events", json=[event()]).status_code == 202
    other = {"Authorization": "Bearer never-seen"}
    answer = client.post("/v1/events", json=[event()], headers=other)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_while_the_bus_is_away_nothing_is_accepted(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_BUS_URL", "redis://127.0.0.1:1/0")
    with TestClient(create_app(), raise_server_exceptions=False) as client:
        client.headers.update(make_key(postgres_url, "all"))
        answer = client.post("/v1/events", json=[event()])
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "send the same batch again" in answer.json()["detail"]
        assert client.get("/readyz").json()["dependencies"]["event_bus"] == "unavailable"
        assert client.get("/readyz/event_bus").status_code == 503
        assert client.get("/healthz").status_code == 200


def test_a_bus_that_does_not_write_to_disk_is_no_bus(
    client: TestClient, event_bus_url: str
) -> None:
    import redis

    with redis.Redis.from_url(event_bus_url) as server:
        server.config_set("appendonly", "no")
        try:
            assert client.post("/v1/events", json=[event()]).status_code == 503
        finally:
            server.config_set("appendonly", "yes")
    wait_until(lambda: client.post("/v1/events", json=[event()]).status_code == 202)


def test_every_request_is_measured_by_its_route_and_never_by_its_path(
    client: TestClient, bus: EventBus
) -> None:
    user = str(uuid.uuid4())
    client.get("/healthz")
    client.get(f"/v1/usage/{user}")
    client.get(f"/no/such/{user}")
    client.post("/v1/events", json=[])
    rows: list[dict[str, Any]] = []

    def all_measured() -> bool:
        rows.extend(published(bus, API_METRICS.name))
        return len(rows) >= 4

    wait_until(all_measured)
    assert {row["service_name"] for row in rows} == {SERVICE_NAME}
    by_endpoint = {row["endpoint"]: (row["method"], row["status_code"]) for row in rows}
    assert by_endpoint["/healthz"] == ("GET", 200)
    assert by_endpoint["(unmatched)"] == ("GET", 404)
    assert by_endpoint["/v1/events"] == ("POST", 202)
    assert "/v1/usage/{user_id}" in by_endpoint
    assert not any(user in row["endpoint"] for row in rows)


def test_what_was_measured_last_is_published_when_the_api_stops(
    bus: EventBus, postgres_url: str
) -> None:
    with TestClient(create_app()) as client:
        for _ in range(7):
            client.get("/healthz")
    assert len(published(bus, API_METRICS.name)) == 7


def test_readiness_names_each_store(client: TestClient) -> None:
    answer = client.get("/readyz").json()
    assert set(answer["dependencies"]) == {"event_bus", "postgres", "clickhouse"}
    assert answer["dependencies"]["event_bus"] == "ok"
    assert answer["dependencies"]["postgres"] == "ok"


def test_the_reference_page_lists_every_endpoint_and_loads_nothing(client: TestClient) -> None:
    page = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page)
    assert "<script" not in page


def test_the_openapi_document_names_the_key_and_every_refusal(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for path in ("/v1/events", "/v1/interview-metrics", "/v1/api-metrics"):
        operation = document["paths"][path]["post"]
        assert operation["security"] == [{"HTTPBearer": []}]
        assert {"202", "400", "401", "403", "413", "415", "503"} <= set(operation["responses"])
        for content in operation["requestBody"]["content"].values():
            assert content["example"]
