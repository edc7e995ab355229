"""kill -9 of the event writer, of ClickHouse and of the bus, at seeded moments under load.

Every event that the bus acknowledged must be in the table exactly once, and in the daily view.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from fix_stack import RunningStack, StartDisposable

from ingestion.events import writer
from stores import event_bus
from stores.clickhouse.client import connect
from stores.errors import TransientError
from stores.event_bus.interface import Message
from stores.event_bus.parsing import parse_array
from stores.event_bus.rows import USER_EVENT
from stores.event_bus.topics import USER_EVENTS
from stores.settings import REPOSITORY

SEED = 20261123
ROUNDS = ["event-writer"] * 4 + ["clickhouse"] + ["event-bus"]


@dataclass
class Client:
    """Sends batches, some ids again, and sends a batch again until it is acknowledged."""

    url: str
    seed: int
    _sent_ids: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def acknowledged(self) -> set[str]:
        """The ids that must be counted once each."""
        return set(self._sent_ids)

    def run(self) -> None:
        """Until stopped."""
        chance = random.Random(self.seed)
        bus = event_bus.connect(self.url)
        while not self.stop.is_set():
            events = [self._event(chance) for _ in range(200)]
            lines = parse_array(USER_EVENT, json.dumps(events).encode()).lines
            message = Message(b"\n".join(lines), len(lines))
            while not self._sent(bus, message):
                time.sleep(0.1)
            self._sent_ids += [event["event_id"] for event in events]
            time.sleep(0.1)
        bus.close()

    def _sent(self, bus: Any, message: Message) -> bool:
        try:
            bus.publish(USER_EVENTS.name, [message])
        except TransientError:
            return False
        return True

    def _event(self, chance: random.Random) -> dict[str, Any]:
        # A tenth of the events has an id that was sent before, lately or long ago.
        again = self._sent_ids and chance.random() < 0.1
        return {
            "event_id": chance.choice(self._sent_ids) if again else _new_id(chance),
            "user_id": str(uuid.UUID(int=chance.randrange(20))),
            "event_type": chance.choice(("login", "page_view")),
            "timestamp": f"2026-{chance.choice((9, 10, 11)):02}-15T10:00:00Z",
        }


def _new_id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128)))


def _start_writer(stack: RunningStack) -> subprocess.Popen[bytes]:
    log = stack.home.log_file("event-writer").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "interview_data", "events", "consume", "--follow"],
        env=os.environ | {"INTERVIEW_DATA_HOME": str(stack.home.path)},
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


def _wait_for_next_batch(stack: RunningStack, former: bytes, seconds: float = 40) -> bytes:
    """The note of a batch begun after `former` was settled: a kill soon after hits its insert."""
    bus = event_bus.connect(stack.environment["EVENT_BUS_URL"])
    deadline = time.monotonic() + seconds
    while (note := bus.recall(USER_EVENTS.name)) in (None, former):
        assert time.monotonic() < deadline, stack.log("event-writer")[-3000:]
        time.sleep(0.001)
    bus.close()
    assert note is not None
    return note


@pytest.mark.timeout(180)
def test_kills_at_any_moment_lose_and_double_nothing(disposable_stack: StartDisposable) -> None:
    chance = random.Random(SEED)
    stack = disposable_stack("clickhouse", "event-bus")
    client = Client(stack.environment["EVENT_BUS_URL"], SEED)
    sending = threading.Thread(target=client.run)
    sending.start()
    process = _start_writer(stack)
    note = b""
    try:
        for victim in chance.sample(ROUNDS, len(ROUNDS)):
            note = _wait_for_next_batch(stack, note)
            time.sleep(chance.uniform(0, 0.08))
            if victim == "event-writer":
                process.kill()
                process.wait(10)
                process = _start_writer(stack)
            else:
                restarts = stack.service(victim)["restart_count"]
                os.kill(stack.service(victim)["pid"], signal.SIGKILL)
                stack.wait_restarted(victim, restarts)
    finally:
        client.stop.set()
        sending.join(30)
        process.terminate()
        process.wait(30)
    assert all(report.lag_count == 0 for report in writer.drain(60))
    # The kills hit what they were aimed at.
    assert "repeated the batch" in stack.log("event-writer")
    _assert_exactly_once(stack, client.acknowledged)


def _assert_exactly_once(stack: RunningStack, acknowledged: set[str]) -> None:
    clickhouse = connect(stack.environment["CLICKHOUSE_URL"])
    found = clickhouse.query("SELECT toString(event_id) FROM analytics.user_events").result_rows
    ids = [row[0] for row in found]
    assert len(ids) == len(set(ids))
    assert set(ids) == acknowledged
    assert len(ids) > 1000
    raw = "SELECT date, user_id, event_type, count() FROM analytics.user_events GROUP BY ALL"
    summed = (
        "SELECT date, user_id, event_type, sum(event_count)"
        " FROM analytics.daily_user_activity GROUP BY ALL"
    )
    assert sorted(clickhouse.query(raw).result_rows) == sorted(clickhouse.query(summed).result_rows)
    clickhouse.close()
