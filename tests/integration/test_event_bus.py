"""What every event bus promises, asked of the one that is there.

An implementation for another server is tested by the same tests: they use the interface only.
"""

from collections.abc import Iterator
from threading import Timer
from time import monotonic

import pytest

from stores import event_bus
from stores.errors import StoreUnavailable
from stores.event_bus.interface import Counts, EventBus, Message

TOPIC = "user-events"


@pytest.fixture
def bus(event_bus_url: str) -> Iterator[EventBus]:
    """The bus, emptied."""
    found = event_bus.connect(event_bus_url)
    yield found
    found.close()


def fill(bus: EventBus, *bodies: bytes) -> None:
    """One message per body, each of one event."""
    bus.publish(TOPIC, [Message(body, 1) for body in bodies])


def test_messages_are_handed_out_once_and_in_order(bus: EventBus) -> None:
    fill(bus, b"1", b"2", b"3")
    first = bus.consume(TOPIC, 2)
    second = bus.consume(TOPIC, 2)
    assert [item.body for item in first + second] == [b"1", b"2", b"3"]
    assert bus.consume(TOPIC, 2) == []


def test_what_was_published_before_the_first_reader_is_not_lost(bus: EventBus) -> None:
    fill(bus, b"early")
    assert [item.body for item in bus.consume(TOPIC, 9)] == [b"early"]


def test_what_was_not_acknowledged_is_handed_out_again(bus: EventBus) -> None:
    fill(bus, b"1", b"2", b"3")
    taken = bus.consume(TOPIC, 3)
    bus.ack(TOPIC, [taken[0].position], Counts(landed_count=1))
    assert bus.pending(TOPIC, 9) == taken[1:]
    assert bus.pending(TOPIC, 1) == taken[1:2]
    assert bus.between(TOPIC, taken[1].position, taken[2].position) == taken[1:]


def test_an_acknowledgement_repeated_is_counted_once(bus: EventBus) -> None:
    fill(bus, b"1", b"2")
    positions = [item.position for item in bus.consume(TOPIC, 9)]
    for _ in range(2):
        bus.ack(TOPIC, positions, Counts(landed_count=1, duplicate_count=1))
    counts = bus.counts(TOPIC)
    assert counts == Counts(published_count=2, landed_count=1, duplicate_count=1)
    assert counts.lag_count == 0


def test_a_note_is_kept_until_the_acknowledgement(bus: EventBus) -> None:
    fill(bus, b"1")
    [taken] = bus.consume(TOPIC, 9)
    bus.remember(TOPIC, b"note")
    assert bus.recall(TOPIC) == b"note"
    bus.ack(TOPIC, [taken.position], Counts(landed_count=1))
    assert bus.recall(TOPIC) is None


def test_waiting_ends_when_something_comes_and_else_by_itself(bus: EventBus) -> None:
    started = monotonic()
    bus.wait([TOPIC, "api-metrics"], 0.2)
    assert monotonic() - started >= 0.19
    timer = Timer(0.2, fill, [bus, b"1"])
    timer.start()
    bus.wait([TOPIC, "api-metrics"], 30)
    timer.join()
    assert monotonic() - started < 20
    assert len(bus.consume(TOPIC, 9)) == 1


def test_one_holder_at_a_time(bus: EventBus) -> None:
    assert bus.hold("work", "a", 60)
    assert bus.hold("work", "a", 60)
    assert not bus.hold("work", "b", 60)
    bus.release("work", "b")
    assert bus.holder("work") == "a"
    bus.release("work", "a")
    assert bus.holder("work") is None
    assert bus.hold("work", "b", 60)


def test_a_bus_that_lost_everything_can_be_used_again(bus: EventBus, event_bus_url: str) -> None:
    import redis

    fill(bus, b"1")
    assert bus.consume(TOPIC, 9)
    with redis.Redis.from_url(event_bus_url) as server:
        server.flushall()
    with pytest.raises(Exception, match="EVENT_BUS_URL"):
        bus.consume(TOPIC, 9)
    fill(bus, b"2")
    assert [item.body for item in bus.consume(TOPIC, 9)] == [b"2"]


def test_a_bus_that_does_not_answer_is_named_by_its_setting() -> None:
    nobody = event_bus.connect("redis://127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable, match="EVENT_BUS_URL"):
        nobody.ping()
    nobody.close()
