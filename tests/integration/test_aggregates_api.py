"""Aggregates over the API: appended at the version expected, once, and read back in order."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.app import create_app
from stores.postgres import api_keys, event_store
from stores.postgres.client import connect


@pytest.fixture
def client(event_bus_url: str, redis_url: str, postgres_url: str) -> Iterator[TestClient]:
    """The API with a key for everything."""
    with connect(postgres_url) as connection:
        key = api_keys.create(connection, "all")
    with TestClient(create_app(), raise_server_exceptions=False) as found:
        found.headers["Authorization"] = f"Bearer {key}"
        yield found


def path(identity: object = None, kind: str = "interview") -> str:
    """The address of a new aggregate, or of `identity`."""
    return f"/v1/aggregates/{kind}/{identity or uuid.uuid4()}/events"


def facts(expected_version: int, *names: str) -> dict[str, Any]:
    """An append."""
    return {
        "expected_version": expected_version,
        "events": [
            {"event_id": str(uuid.uuid4()), "event_type": name, "event_data": {"name": name}}
            for name in names
        ],
    }


def test_what_is_appended_is_read_back_in_order_page_by_page(client: TestClient) -> None:
    address = path()
    first = client.post(address, json=facts(0, "created", "published"))
    assert (first.status_code, first.json()["version"]) == (201, 2)
    assert client.post(address, json=facts(2, "closed")).json()["version"] == 3
    page = client.get(address, params={"limit": 2}).json()
    assert [event["version"] for event in page["events"]] == [1, 2]
    assert page["next_after_version"] == 2
    rest = client.get(address, params={"after_version": 2, "limit": 2}).json()
    assert [event["event_type"] for event in rest["events"]] == ["closed"]
    assert rest["next_after_version"] is None
    assert client.get(path()).status_code == 404


def test_a_stale_version_is_a_conflict_that_says_where_the_aggregate_is(
    client: TestClient,
) -> None:
    address = path()
    client.post(address, json=facts(0, "created"))
    for stale in (0, 2):
        answer = client.post(address, json=facts(stale, "published"))
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["current_version"] == 1
    assert len(client.get(address).json()["events"]) == 1


def test_an_append_sent_again_answers_the_same_and_adds_nothing(client: TestClient) -> None:
    address, sent = path(), facts(0, "created", "published")
    assert client.post(address, json=sent).status_code == 201
    client.post(address, json=facts(2, "closed"))
    again = client.post(address, json=sent)
    assert (again.status_code, again.json()["is_repeat"]) == (200, True)
    assert [event["version"] for event in again.json()["events"]] == [1, 2]
    assert len(client.get(address).json()["events"]) == 3
    sent["events"][1]["event_data"] = {"name": "other"}
    assert client.post(address, json=sent).status_code == 409
    extended = facts(3, "more")
    extended["events"].append(facts(0, "x")["events"][0] | {"event_id": uuid.uuid4().hex})
    assert client.post(address, json=extended).json()["version"] == 5


def test_an_aggregates_id_belongs_to_one_type(client: TestClient) -> None:
    identity = uuid.uuid4()
    client.post(path(identity), json=facts(0, "created"))
    assert client.post(path(identity, "user"), json=facts(1, "renamed")).status_code == 409
    assert client.get(path(identity, "user")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"expected_version": 0, "events": []},
        {"expected_version": -1, "events": facts(0, "a")["events"]},
        {"expected_version": 0, "events": [facts(0, "a")["events"][0]] * 2},
        facts(0, "with space"),
        {"expected_version": 0, "events": [facts(0, "a")["events"][0] | {"event_data": []}]},
        {
            "expected_version": 0,
            "events": [facts(0, "a")["events"][0] | {"event_data": {"x": "y" * 70_000}}],
        },
        {
            "expected_version": 0,
            "events": [facts(0, "a")["events"][0] | {"event_data": {"x": "\0"}}],
        },
    ],
)
def test_what_breaks_a_rule_is_refused_as_a_whole(client: TestClient, body: Any) -> None:
    address = path()
    assert client.post(address, json=body).status_code == 422
    assert client.get(address).status_code == 404


def test_a_key_needs_the_scope_for_each_direction(client: TestClient, postgres_url: str) -> None:
    with connect(postgres_url) as connection:
        reader = api_keys.create(connection, "reader", ["aggregates:read"])
    headers, address = {"Authorization": f"Bearer {reader}"}, path()
    assert client.post(address, json=facts(0, "a"), headers=headers).status_code == 403
    assert client.get(address, headers=headers).status_code == 404


def test_of_many_appends_at_once_each_version_is_won_by_one(postgres_url: str) -> None:
    aggregate, workers, rounds = uuid.uuid4(), 6, 10
    barrier = threading.Barrier(workers)

    def work(_: int) -> list[int]:
        won = []
        with connect(postgres_url, autocommit=True) as connection:
            for _ in range(rounds):
                barrier.wait(30)
                expected = event_store.current_version(connection, aggregate)
                barrier.wait(30)
                new = event_store.NewEvent(uuid.uuid4(), "step", {})
                try:
                    appended = event_store.append(connection, "race", aggregate, [new], expected)
                    won += appended.versions
                except event_store.VersionConflict:
                    continue
        return won

    with ThreadPoolExecutor(workers) as pool:
        won = [version for part in pool.map(work, range(workers)) for version in part]
    assert sorted(won) == list(range(1, rounds + 1))


def test_the_unique_constraint_decides_even_for_those_who_take_no_lock(postgres_url: str) -> None:
    aggregate = uuid.uuid4()
    with (
        connect(postgres_url) as other,
        connect(postgres_url, autocommit=True) as connection,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute(
            "INSERT INTO event_store (id, aggregate_id, aggregate_type, event_type, event_data,"
            " version) VALUES (%s, %s, 'race', 'step', '{}', 1)",
            [uuid.uuid4(), aggregate],
        )
        new = event_store.NewEvent(uuid.uuid4(), "step", {})
        waiting = pool.submit(event_store.append, connection, "race", aggregate, [new], 0)
        other.commit()
        with pytest.raises(event_store.VersionConflict) as caught:
            waiting.result(20)
    assert caught.value.current_version == 1
