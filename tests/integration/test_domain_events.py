"""Facts appended to PostgreSQL's event store: published in order, each by its id, and projected."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from ingestion.cdc import run as capture
from ingestion.events import relay
from interview_data.cli import main
from stores import event_bus
from stores.clickhouse.client import ClickHouseClient, connect
from stores.errors import TransientError
from stores.event_bus.interface import EventBus
from stores.event_bus.redis_streams import RedisStreams
from stores.event_bus.topics import DOMAIN_EVENTS
from stores.postgres import event_store
from stores.postgres.client import connect as connect_postgres
from stores.postgres.event_landings import EventLandings
from stores.postgres.event_store import NewEvent

FIRST, SECOND = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def bus(event_bus_url: str) -> Iterator[EventBus]:
    """Emptied."""
    found = event_bus.connect(event_bus_url)
    yield found
    found.close()


@pytest.fixture
def clickhouse(fresh_clickhouse_url: str, postgres_url: str) -> Iterator[ClickHouseClient]:
    """Nothing captured yet."""
    client = connect(fresh_clickhouse_url)
    yield client
    client.close()


def append(aggregate: uuid.UUID, expected: int, *kinds: str) -> list[str]:
    """Facts of an aggregate, one transaction; their ids."""
    new = [NewEvent(uuid.uuid4(), kind, {"ü": [1, None]}) for kind in kinds]
    with connect_postgres() as connection:
        event_store.append(connection, "interview", aggregate, new, expected)
    return [str(item.id) for item in new]


def published(bus: EventBus) -> list[dict[str, Any]]:
    """What is on the topic, partition by partition."""
    every = bus.since(DOMAIN_EVENTS.name, datetime.fromtimestamp(0, UTC))
    return [json.loads(line) for item in every for line in item.body.split(b"\n")]


def test_facts_are_published_in_the_order_of_their_versions_and_once(
    bus: EventBus, clickhouse: ClickHouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is captured, so nothing is there to publish.
    assert relay.relay_once() == 0
    ids = append(FIRST, 0, "created", "published") + append(SECOND, 0, "created")
    capture.drain()
    assert relay.relay_once() == 3
    ids += append(FIRST, 2, "completed") + append(SECOND, 1, "archived")
    capture.drain()

    class Killed(BaseException):
        """The end of the process."""

    def killed(*_: object) -> None:
        raise Killed

    # After the bus took them and before that was written down: they are published again.
    with monkeypatch.context() as patch:
        patch.setattr(relay.Relay, "_note", killed)
        with pytest.raises(Killed):
            relay.relay_once()
    assert relay.relay_once() == 2
    assert relay.relay_once() == 0
    found = published(bus)
    assert len(found) == 7
    assert {item["event_id"] for item in found} == set(ids)
    for aggregate, kinds in ((FIRST, "created published completed"), (SECOND, "created archived")):
        of_one = {item["version"]: item for item in found if item["aggregate_id"] == str(aggregate)}
        assert list(of_one) == list(range(1, len(kinds.split()) + 1))
        assert [item["event_type"] for item in of_one.values()] == kinds.split()
    assert found[0]["event_data"] == {"ü": [1, None]}
    # A table that is copied anew has new positions; what was published is not again.
    with closing(EventLandings()) as landings:
        cursor = landings.cursor(relay.CURSOR)
        assert cursor > 0
        with landings._cursor() as statement:
            statement.execute("DELETE FROM platform.event_cursors")
    assert relay.relay_once() == 5
    assert len(published(bus)) == 7


def test_a_bus_that_refuses_holds_the_cursor_back(
    bus: EventBus, clickhouse: ClickHouseClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(FIRST, 0, "created")
    capture.drain()

    def refused(*_: object) -> None:
        raise TransientError("full")

    with monkeypatch.context() as patch:
        patch.setattr(RedisStreams, "publish", refused)
        with pytest.raises(TransientError):
            relay.relay_once()
    assert relay.relay_once() == 1


def test_timelines_follow_and_can_be_made_anew_from_version_1(
    bus: EventBus, clickhouse: ClickHouseClient
) -> None:
    append(FIRST, 0, "created", "published")
    append(SECOND, 0, "created")
    capture.drain()
    relay.relay_once()
    append(FIRST, 2, "completed")
    capture.drain()
    relay.relay_once()
    query = (
        "SELECT toString(aggregate_id), version, is_complete, last_event_type, event_types"
        " FROM platform.aggregate_timelines FINAL ORDER BY aggregate_id"
    )
    expected = [
        (str(FIRST), 3, True, "completed", ["created", "published", "completed"]),
        (str(SECOND), 1, True, "created", ["created"]),
    ]
    assert clickhouse.query(query).result_rows == expected
    clickhouse.command("TRUNCATE TABLE platform.aggregate_timelines")
    done = CliRunner().invoke(main, ["events", "projections", "rebuild", "aggregate_timelines"])
    assert (done.exit_code, done.output) == (0, "aggregate_timelines: 2 aggregates\n")
    assert clickhouse.query(query).result_rows == expected
    unknown = CliRunner().invoke(main, ["events", "projections", "rebuild", "x"])
    assert unknown.exit_code == 1
    assert "aggregate_timelines" in unknown.output
