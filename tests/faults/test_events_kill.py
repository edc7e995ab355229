"""kill -9 of the API, the event writer, ClickHouse and the bus, at seeded moments under load.

Every event that the API accepted must be in the table exactly once, and in the daily view, as
must its measures of itself: no request is counted twice.
"""

import http.client
import json
import os
import random
import signal
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from fix_faults import wait_for_insert
from fix_stack import RunningStack, StartDisposable, wait_until

from ingestion.events import writer
from stores.clickhouse.client import connect
from stores.postgres.event_landings import EventLandings

SEED = 20261123
ROUNDS = ["event-writer"] * 3 + ["api"] * 2 + ["clickhouse", "event-bus"]
STACK = ("postgres", "redis", "clickhouse", "event-bus", "event-writer", "api")


@dataclass
class Client:
    """Sends batches, some ids again, and sends a batch again until it is acknowledged."""

    environment: dict[str, str]
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
        while not self.stop.is_set():
            events = [self._event(chance) for _ in range(200)]
            body = json.dumps(events).encode()
            while not self._accepted(body):
                time.sleep(0.1)
            self._sent_ids += [event["event_id"] for event in events]
            time.sleep(0.1)

    def _accepted(self, body: bytes) -> bool:
        """Whether it was; 503 and no answer mean the same to a client: send it again."""
        address = urlsplit(self.environment["API_URL"])
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.environment['API_KEY']}"}
        headers["Content-Type"] = "application/json"
        try:
            connection.request("POST", "/v1/events", body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            # No answer, or half of one.
            return False
        finally:
            connection.close()
        assert answer.status in (202, 503), answer.status
        return answer.status == 202

    def _event(self, chance: random.Random) -> dict[str, Any]:
        # A tenth of the events has an id that was sent before, lately or long ago.
        again = self._sent_ids and chance.random() < 0.1
        identity = chance.choice(self._sent_ids) if again else _new_id(chance)
        # What an id says is always the same, but for its time.
        about = random.Random(identity)
        moment = datetime.now(UTC) - timedelta(days=chance.randrange(34))
        return {
            "event_id": identity,
            "user_id": str(uuid.UUID(int=about.randrange(20))),
            "event_type": about.choice(("login", "page_view")),
            "timestamp": moment.isoformat(),
        }


def _new_id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128)))


@pytest.mark.timeout(240)
def test_kills_at_any_moment_lose_and_double_nothing(disposable_stack: StartDisposable) -> None:
    chance = random.Random(SEED)
    stack = disposable_stack(*STACK)
    client = Client(stack.environment, SEED)
    sending = threading.Thread(target=client.run)
    sending.start()
    note = b""
    landings = EventLandings(stack.environment["DATABASE_URL"])
    try:
        for victim in chance.sample(ROUNDS, len(ROUNDS)):
            note = wait_for_insert(landings, note, 40)
            time.sleep(chance.uniform(0, 0.08))
            restarts = stack.service(victim)["restart_count"]
            os.kill(stack.service(victim)["pid"], signal.SIGKILL)
            stack.wait_restarted(victim, restarts)
    finally:
        client.stop.set()
        sending.join(60)
        landings.close()
    # The API tells of the last requests a moment after it has answered them.
    wait_until(lambda: not any(report.lag_count for report in writer.drain(60)), 60, "all landed")
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
    requests = "SELECT count(), uniqExact(request_id) FROM analytics.api_metrics"
    measured, distinct = clickhouse.query(requests).first_row
    assert measured == distinct > 0
    clickhouse.close()
