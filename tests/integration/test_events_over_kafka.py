"""EVENT_BUS_URL=kafka://…: the whole way of an event, from a request to a row."""

import os
import uuid
from datetime import UTC, datetime

import httpx
import pytest

from ingestion.events import dead_letters, replay, writer
from stores import event_bus
from stores.clickhouse.client import connect
from stores.event_bus.interface import Message
from stores.event_bus.topics import TOPICS, USER_EVENTS


@pytest.fixture
def event_bus_url(own_kafka_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """In place of the embedded one, for the API and for the writer."""
    monkeypatch.setenv("EVENT_BUS_URL", own_kafka_url)
    return own_kafka_url


def test_an_event_goes_by_kafka_from_a_request_to_its_row(
    event_bus_url: str,
    clickhouse_url: str,
    api_url: str,
) -> None:
    started = datetime.now(UTC)
    user = str(uuid.uuid4())
    event = {
        "event_id": str(uuid.uuid4()),
        "user_id": user,
        "event_type": "login",
        "timestamp": started.isoformat(),
    }
    other = event | {"event_id": str(uuid.uuid4())}
    headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}
    for batch in ([event], [event, other]):
        answer = httpx.post(f"{api_url}/v1/events", json=batch, headers=headers, timeout=20)
        assert answer.status_code == 202, answer.text
    # What a foreign sender has put on the topic.
    bus = event_bus.connect()
    bus.publish(USER_EVENTS.name, [Message(b"\x00not an event", 1)])
    report = writer.drain(60)[0]
    assert (report.landed_count, report.lag_count) == (2, 0)
    assert report.dead_letter_count == 1
    client = connect(clickhouse_url)
    count = f"SELECT count() FROM analytics.user_events WHERE user_id = '{user}'"
    assert client.command(count) == 2
    [letter] = dead_letters.find(
        client, dead_letters.Filter(rule="invalid", since=started), limit=10
    )
    assert dead_letters.body_of(client, letter.dead_letter_id) == b"\x00not an event"
    # Kafka keeps what has landed: a table that lost rows is filled again.
    client.command(
        f"ALTER TABLE analytics.user_events DELETE WHERE user_id = '{user}'"
        " SETTINGS mutations_sync = 2"
    )
    assert replay.from_bus(started, topics=[USER_EVENTS.name])[0].event_count >= 2
    writer.drain(60)
    assert client.command(count) == 2
    for topic in TOPICS:
        assert len(bus.partitions(topic.name)) == len(bus.partitions(topic.dead_letters)) == 4
    bus.close()
    client.close()
