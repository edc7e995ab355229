"""kill -9 of the API in mid-request, again and again: what it acknowledged counts once.

The clients retry as documented, but sometimes give up: what they gave up may be there or not, as
a whole.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from fix_sender import PAUSE_SECONDS, send_until_acknowledged, try_to_send
from fix_stack import wait_until

from ingestion.events import writer
from stores.clickhouse.client import connect
from stores.postgres import api_keys
from stores.postgres.client import connect as connect_postgres

SEED = 20261123
ROUNDS = 30
CLIENTS = 3
BATCH = 60
TESTS = Path(__file__).resolve().parent.parent


@dataclass
class Server:
    """An API that can be killed and started on the same address."""

    url: str
    zygote: subprocess.Popen[str]
    pid: int = 0

    def start(self) -> None:
        """Fork one that serves."""
        assert self.zygote.stdin is not None
        assert self.zygote.stdout is not None
        self.zygote.stdin.write("start\n")
        self.zygote.stdin.flush()
        self.pid = int(self.zygote.stdout.readline())

    def kill(self) -> None:
        """At once, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(self.pid), 10, "the API is gone")


@pytest.fixture
def server(event_bus_url: str, redis_url: str, postgres_url: str) -> Iterator[Server]:
    """Not started yet."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        number = listener.fileno()
        zygote = subprocess.Popen(
            [sys.executable, str(TESTS / "api_zygote.py"), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[number],
            env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
        )
        made = Server(f"http://127.0.0.1:{listener.getsockname()[1]}", zygote)
        yield made
        if made.pid and psutil.pid_exists(made.pid):
            made.kill()
        assert zygote.stdin is not None
        zygote.stdin.close()
        zygote.wait(20)


@dataclass
class Client(threading.Thread):
    """Sends batches; one in four that got no answer is given up."""

    url: str
    key: str
    seed: int
    stop: threading.Event
    acknowledged: list[list[str]] = field(default_factory=list)
    given_up: list[list[str]] = field(default_factory=list)
    problem: BaseException | None = None

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Until stopped."""
        chance = random.Random(self.seed)
        try:
            while not self.stop.is_set():
                self._send(chance)
        except BaseException as error:
            self.problem = error

    def _send(self, chance: random.Random) -> None:
        ids = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(BATCH)]
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        user = str(uuid.UUID(int=chance.randrange(5)))
        body = json.dumps(
            [
                {"event_id": name, "user_id": user, "event_type": "login", "timestamp": now}
                for name in ids
            ]
        ).encode()
        status = try_to_send(self.url, "/v1/events", self.key, body)
        if status == 202:
            self.acknowledged.append(ids)
        elif status == 0 and chance.random() < 0.25:
            self.given_up.append(ids)
        else:
            time.sleep(PAUSE_SECONDS)
            send_until_acknowledged(self.url, "/v1/events", self.key, body)
            self.acknowledged.append(ids)


@pytest.mark.timeout(240)
def test_an_api_that_is_killed_in_mid_request_loses_and_halves_nothing(
    server: Server, fresh_clickhouse_url: str, postgres_url: str
) -> None:
    with connect_postgres(postgres_url) as connection:
        limits = api_keys.Limits(1_000_000, 100_000_000)
        key = api_keys.create(connection, "clients", ["events:write"], limits=limits)
    chance = random.Random(SEED)
    stop = threading.Event()
    clients = [Client(server.url, key, SEED + number, stop) for number in range(CLIENTS)]
    server.start()
    for client in clients:
        client.start()
    for _ in range(ROUNDS):
        before = _acknowledged_count(clients)
        wait_until(lambda seen=before: _acknowledged_count(clients) > seen, 30, "an answer")
        time.sleep(chance.uniform(0, 0.03))
        server.kill()
        server.start()
    stop.set()
    for client in clients:
        client.join(60)
        assert client.problem is None
    # The kills hit requests under way.
    assert sum(len(client.given_up) for client in clients) > 0
    # The API tells of the last requests a moment after it has answered them.
    wait_until(lambda: not any(report.lag_count for report in writer.drain(60)), 60, "all landed")
    _assert_once_and_whole(fresh_clickhouse_url, clients)


def _acknowledged_count(clients: list[Client]) -> int:
    return sum(len(client.acknowledged) for client in clients)


def _assert_once_and_whole(url: str, clients: list[Client]) -> None:
    clickhouse = connect(url)
    found = clickhouse.query("SELECT toString(event_id) FROM analytics.user_events").result_rows
    ids = [row[0] for row in found]
    there = set(ids)
    assert len(ids) == len(there)
    assert not {name for client in clients for ids in client.acknowledged for name in ids} - there
    for client in clients:
        for given_up in client.given_up:
            assert len(there & set(given_up)) in (0, BATCH)
    counted = clickhouse.query("SELECT sum(event_count) FROM analytics.daily_user_activity")
    assert counted.first_row[0] == len(ids)
    clickhouse.close()
