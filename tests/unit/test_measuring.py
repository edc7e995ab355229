"""The API's record of its own requests, with a bus that refuses for a while."""

import asyncio
from collections.abc import Sequence

import pytest
from fix_stack import until

from serving import measuring
from serving.measuring import Recorder
from stores.errors import StoreUnavailable
from stores.event_bus.interface import Message


class MovingBus:
    """Refuses until it is told to take; then it keeps what it gets."""

    def __init__(self) -> None:
        self.is_there = False
        self.taken: list[bytes] = []

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Keep the lines, or refuse."""
        if not self.is_there:
            raise StoreUnavailable("away")
        assert topic == "api-metrics"
        for message in messages:
            lines = message.body.split(b"\n")
            assert len(lines) == message.event_count
            self.taken += lines

    async def ping(self) -> None:
        """Not asked here."""

    async def close(self) -> None:
        """Nothing to give back."""


def test_requests_measured_while_the_bus_is_away_are_published_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measuring, "FLUSH_SECONDS", 0.01)

    async def scenario() -> None:
        bus, recorder = MovingBus(), Recorder()
        recorder.start(bus)
        for _ in range(2500):
            recorder.record("GET", "/healthz", 200, 0.001)
        await asyncio.sleep(0.05)
        assert bus.taken == []
        bus.is_there = True
        await until(lambda: len(bus.taken) == 2500)
        await recorder.close()
        assert len(set(bus.taken)) == 2500
        assert recorder.dropped_count == 0

    asyncio.run(scenario())


def test_what_cannot_be_kept_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "BUFFER_LIMIT", 10)

    async def scenario() -> None:
        recorder = Recorder()
        recorder.start(MovingBus())
        for _ in range(15):
            recorder.record("BREW", "/healthz", 200, 0.001)
        assert recorder.dropped_count == 5
        await recorder.close()
        assert recorder.dropped_count == 15

    asyncio.run(scenario())


def test_closing_ends_though_the_bus_swallows_a_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measuring, "FLUSH_SECONDS", 0.0)

    begun = asyncio.Event()

    class Swallowing:
        published = 0

        async def publish(self, _topic: str, _messages: Sequence[Message]) -> None:
            begun.set()
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
            self.published += 1

        async def ping(self) -> None:
            """It is there."""

        async def close(self) -> None:
            """Nothing to close."""

    async def measure() -> int:
        recorder, bus = Recorder(), Swallowing()
        recorder.start(bus)
        recorder.record("GET", "/healthz", 200, 0.001)
        await begun.wait()
        async with asyncio.timeout(5) as bound:
            await recorder.close()
        assert not bound.expired()
        return bus.published

    assert asyncio.run(measure()) == 1
