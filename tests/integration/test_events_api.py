"""The ingest API against a real bus and real keys: what 202 promises, and every refusal."""

import json
import re
import uuid
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import zstandard
from fix_stack import wait_until
from starlette.testclient import TestClient

from serving import security
from serving.app import create_app
from serving.measuring import SERVICE_NAME
from stores import event_bus
from stores.event_bus import dead_letters
from stores.event_bus.interface import EventBus, spans_of
from stores.event_bus.topics import API_METRICS, USER_EVENTS
from stores.postgres import api_keys
from stores.postgres.client import connect

JSON = {"Content-Type": "application/json"}
BOMB = b"[" + b" " * 50_000_000
NDJSON = {"Content-Type": "application/x-ndjson"}


def event(**changes: Any) -> dict[str, Any]:
    """A good user event."""
    return {
        "event_id": str(uuid.uuid4()),
        "user_id": "5b0f6a3e-58f4-4f0f-9c39-6a2b3f2f4a10",
        "event_type": "page_view",
        "timestamp": ago(minutes=5),
    } | changes


def ago(**parts: float) -> str:
    """A time that long before now; negative parts are ahead."""
    return (datetime.now(UTC) - timedelta(**parts)).isoformat(timespec="milliseconds")


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
    bus.open(topic, bus.partitions(topic))
    deliveries = bus.consume(topic, 10_000)
    bus.settle(topic, spans_of(deliveries))
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
        "receipts": [
            {"index": index, "id": item["event_id"], "status": "accepted"}
            for index, item in enumerate(events)
        ],
    }
    assert bus.lag(USER_EVENTS.name) == 2500
    assert [row["event_id"] for row in published(bus)] == [item["event_id"] for item in events]


def test_a_bad_event_is_reported_and_does_not_reject_its_batch(
    client: TestClient, bus: EventBus
) -> None:
    answer = client.post("/v1/events", json=[event(), event(event_id="no"), event()])
    assert answer.status_code == 202
    assert answer.json()["accepted_count"] == 2
    first, rejected, last = answer.json()["receipts"]
    assert (first["status"], last["status"]) == ("accepted", "accepted")
    assert (rejected["index"], rejected["id"], rejected["status"]) == (1, "no", "rejected")
    assert rejected["problem"]["status"] == 422
    [broken] = rejected["problem"]["invalid_parameters"]
    assert (broken["field"], broken["rule"]) == ("event_id", "format")
    assert "UUID" in broken["reason"]
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
        [example] = content["application/json"]["example"]
        answer = client.post(path, json=[example | {"timestamp": ago(minutes=1)}])
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
        (b"[]", JSON | {"Content-Encoding": "br"}, 415),
        (b"[]", JSON | {"Content-Encoding": "gzip"}, 400),
        (b"[]", JSON | {"Content-Encoding": "zstd"}, 400),
        (zlib.compress(b"[]", wbits=31)[:-4], JSON | {"Content-Encoding": "gzip"}, 400),
        (
            zlib.compress(b"[" + b" " * 50_000_000, wbits=31),
            JSON | {"Content-Encoding": "gzip"},
            413,
        ),
        (zstandard.compress(b"[" + b" " * 50_000_000), JSON | {"Content-Encoding": "zstd"}, 413),
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


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", lambda body: zlib.compress(body, wbits=31)), ("zstd", zstandard.compress)],
)
def test_a_compressed_body_is_taken(
    client: TestClient, bus: EventBus, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    body = compress(json.dumps([event() for _ in range(1000)]).encode())
    headers = JSON | {"Content-Encoding": encoding}
    assert client.post("/v1/events", content=body, headers=headers).json()["accepted_count"] == 1000
    assert len(published(bus)) == 1000


def test_an_event_sent_again_is_a_duplicate_and_one_that_says_otherwise_a_conflict(
    client: TestClient, bus: EventBus
) -> None:
    sent = [event(), event()]
    assert client.post("/v1/events", json=sent).json()["accepted_count"] == 2
    later = sent[0] | {"timestamp": ago(minutes=1)}
    other = sent[1] | {"event_type": "login"}
    again = event()

    def answer() -> list[str]:
        return [
            each["status"]
            for each in client.post("/v1/events", json=[later, other, again]).json()["receipts"]
        ]

    # Remembered only after the answer, by which time the client may have sent the next batch.
    wait_until(lambda: answer() == ["duplicate", "rejected", "duplicate"])
    receipts = client.post("/v1/events", json=[other]).json()["receipts"]
    assert receipts[0]["problem"]["status"] == 409
    assert receipts[0]["problem"]["invalid_parameters"][0]["rule"] == "conflict"


def test_within_a_batch_a_repetition_is_a_duplicate_and_a_contradiction_a_conflict(
    client: TestClient, bus: EventBus
) -> None:
    one = event()
    batch = [one, one | {"timestamp": ago(minutes=1)}, one | {"event_type": "login"}]
    receipts = client.post("/v1/events", json=batch).json()["receipts"]
    assert [each["status"] for each in receipts] == ["accepted", "duplicate", "rejected"]
    assert len(published(bus)) == 1


def test_with_redis_lost_everything_is_accepted_and_the_answer_says_nobody_was_limited(
    bus: EventBus, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    with TestClient(create_app()) as client:
        client.headers.update(make_key(postgres_url, "all"))
        one = event()
        for _ in range(3):
            answer = client.post("/v1/events", json=[one])
            assert (answer.status_code, answer.json()["accepted_count"]) == (202, 1)
            assert "ratelimit-unavailable" in answer.headers
    assert len(published(bus)) == 3


def test_a_minimal_answer_lists_only_what_was_not_accepted(client: TestClient) -> None:
    answer = client.post(
        "/v1/events", json=[event(), event(user_id="x")], headers={"Prefer": "return=minimal"}
    )
    assert answer.headers["preference-applied"] == "return=minimal"
    assert answer.json()["accepted_count"] == 1
    assert [each["index"] for each in answer.json()["receipts"]] == [1]


def test_old_and_early_events_are_taken_by_the_backfill_endpoint_only(
    client: TestClient, bus: EventBus, postgres_url: str
) -> None:
    batch = [
        event(timestamp=ago(days=34.9)),
        event(timestamp=ago(days=35.1)),
        event(timestamp=ago(minutes=-9)),
        event(timestamp=ago(minutes=-11)),
    ]
    receipts = client.post("/v1/events", json=batch).json()["receipts"]
    assert [each["status"] for each in receipts] == ["accepted", "rejected"] * 2
    rules = [each["problem"]["invalid_parameters"][0]["rule"] for each in receipts[1::2]]
    assert rules == ["too_old", "too_early"]
    refused = [batch[1], batch[3], event(timestamp=ago(days=800))]
    writer = make_key(postgres_url, "writer", "events:write")
    assert client.post("/v1/backfill/events", json=refused, headers=writer).status_code == 403
    receipts = client.post("/v1/backfill/events", json=refused).json()["receipts"]
    assert [each["status"] for each in receipts] == ["accepted", "accepted", "rejected"]
    assert receipts[2]["problem"]["invalid_parameters"][0]["rule"] == "not_kept"
    rows = published(bus)
    assert len(rows) == 4
    assert all(row["received_at"] > row["timestamp"] for row in rows[:1])


def test_what_was_refused_is_kept_with_its_bytes_and_its_reason(
    client: TestClient, bus: EventBus
) -> None:
    bad = event(user_id="nobody")
    client.post("/v1/events", json=[event(), bad])
    assert client.post("/v1/events", content=b"{broken", headers=JSON).status_code == 400
    lines = published(bus, USER_EVENTS.dead_letters)
    read = [dead_letters.read_line(json.dumps(line).encode()) for line in lines]
    kept = {letter.rule: letter for letter in read}
    assert json.loads(kept["format"].body) == bad
    assert (kept["format"].field, kept["format"].event_id) == ("user_id", bad["event_id"])
    assert kept["format"].source.startswith("key:")
    assert kept["not_json"].body == b"{broken"


CLOUD_EVENT = {
    "specversion": "1.0",
    "source": "/tests",
    "type": "interview_created",
    "subject": "5b0f6a3e-58f4-4f0f-9c39-6a2b3f2f4a10",
    "dataschema": "https://api.example.com/v1/schemas/user_events/1",
}


def cloud_event(**changes: Any) -> dict[str, Any]:
    """A good one."""
    return CLOUD_EVENT | {"id": str(uuid.uuid4()), "time": ago(minutes=1)} | changes


def test_cloud_events_are_taken_in_each_of_their_three_forms(
    client: TestClient, bus: EventBus
) -> None:
    data = {"event_data": {"title": "Engineer"}}
    single, one, two, binary = (cloud_event(data=data) for _ in range(4))
    answers = [
        client.post(
            "/v1/events",
            content=json.dumps(single),
            headers={"Content-Type": "application/cloudevents+json; charset=utf-8"},
        ),
        client.post(
            "/v1/events",
            content=json.dumps([one, two]),
            headers={"Content-Type": "application/cloudevents-batch+json"},
        ),
        client.post(
            "/v1/events",
            json=binary["data"],
            headers={f"ce-{name}": str(binary[name]) for name in binary if name != "data"},
        ),
    ]
    assert [answer.json()["accepted_count"] for answer in answers] == [1, 2, 1]
    rows = published(bus)
    assert [row["event_id"] for row in rows] == [each["id"] for each in (single, one, two, binary)]
    assert {row["event_type"] for row in rows} == {"interview_created"}
    assert {row["event_data"] for row in rows} == {'{"title":"Engineer"}'}
    assert {row["user_id"] for row in rows} == {CLOUD_EVENT["subject"]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": ""}, "id"),
        ({"source": None}, "source"),
        ({"type": 7}, "type"),
        ({"dataschema": "/v1/schemas/user_events/9"}, "dataschema"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"data_base64": "e30="}, "data_base64"),
        ({"data": [1]}, "data"),
        ({"data": {"timestamp": "2020-01-01T00:00:00Z"}}, "time"),
        ({"data": {"surprise": 1}}, "surprise"),
    ],
)
def test_a_cloud_event_that_breaks_a_rule_is_named(
    client: TestClient, changes: dict[str, Any], field: str
) -> None:
    body = json.dumps([cloud_event(), cloud_event(**changes)])
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    answer = client.post("/v1/events", content=body, headers=headers).json()
    assert (answer["accepted_count"], answer["rejected_count"]) == (1, 1)
    assert answer["receipts"][1]["problem"]["invalid_parameters"][0]["field"] == field


def test_a_field_that_need_not_be_sent_may_be_null(client: TestClient, bus: EventBus) -> None:
    empty = {"event_data": None, "session_id": None, "user_agent": None, "ip_address": None}
    assert client.post("/v1/events", json=[event(**empty)]).json()["accepted_count"] == 1
    assert client.post("/v1/events", json=[event(user_id=None)]).json()["rejected_count"] == 1


def test_the_contracts_are_published_as_json_schema(client: TestClient) -> None:
    del client.headers["Authorization"]
    contracts = client.get("/v1/schemas").json()["contracts"]
    assert {each["type"] for each in contracts} == {
        "user_events",
        "interview_metrics",
        "api_metrics",
    }
    for each in contracts:
        schema = client.get(each["schema_path"])
        assert schema.headers["content-type"] == "application/schema+json"
        assert schema.json()["$id"] == each["schema_path"]
        assert schema.json()["additionalProperties"] is False
    assert client.get("/v1/schemas/user_events/2").status_code == 404


def test_another_version_of_the_contract_is_refused(client: TestClient) -> None:
    assert client.post("/v1/events?schema_version=1", json=[event()]).status_code == 202
    assert client.post("/v1/events?schema_version=2", json=[event()]).status_code == 400
    # A misspelt one would switch the check off.
    misspelt = client.post("/v1/events?schema_verion=2", json=[event()])
    assert misspelt.status_code == 422
    assert misspelt.json()["type"] == "/problems/unknown-parameter"
    assert "did you mean schema_version?" in misspelt.json()["detail"]


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
    stores = {"event_bus", "postgres", "clickhouse", "redis", "search"}
    assert set(answer["dependencies"]) == stores
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
