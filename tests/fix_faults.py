"""Servers that a test kills many times, and clients that send until they are answered.

Belongs here: starting a store's process without a supervisor, which would wait longer after each
death; the client that retries as documented; and what must be true at the end of every such test.
"""

import os
import random
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from fix_kafka import free_port
from fix_stack import wait_until

from ingestion.events import writer
from stores import event_bus
from stores.clickhouse.client import ClickHouseClient, connect
from stores.errors import TransientError
from stores.event_bus.interface import Message
from stores.event_bus.rows import utc_text
from stores.event_bus.topics import USER_EVENTS
from stores.local import clickhouse, valkey
from stores.local.service import Service
from stores.postgres.event_landings import EventLandings
from stores.settings import inherited_environment, server_environment

SEED = 20261123
# Of each fault.
ROUNDS = 30
_SECRET = "test"


class Server:
    """A store's process, started and killed by hand."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._process: subprocess.Popen[bytes] | None = None
        assert service.data_folder is not None
        service.data_folder.mkdir(parents=True, exist_ok=True)

    @property
    def process_id(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Until it answers."""
        self._service.prepare()
        with self._service.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self._service.argv,
                env=dict(self._service.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, 30, f"{self._service.name} answers")

    def _answers(self) -> bool:
        try:
            self._service.check()
        except (OSError, ValueError):
            return False
        return True

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(20)


def valkey_server(folder: Path, extra: str = "") -> tuple[Server, str]:
    """An event bus of the test's own, and its URL."""
    port = free_port()
    configuration = folder / "base.conf"
    folder.mkdir(parents=True, exist_ok=True)
    configuration.write_text(f'include "{valkey.EVENT_BUS_CONFIGURATION}"\n{extra}\n')
    service = valkey.service(
        "event-bus",
        configuration=configuration,
        folder=folder,
        log_file=folder / "log",
        port=port,
        password=_SECRET,
        env=server_environment(),
    )
    return Server(service), f"redis://:{_SECRET}@127.0.0.1:{port}/0"


def clickhouse_server(folder: Path) -> tuple[Server, str]:
    """A ClickHouse of the test's own, not migrated, and its URL."""
    port = free_port()
    service = clickhouse.service(
        folder=folder,
        log_file=folder / "log",
        port=port,
        password=_SECRET,
        env=inherited_environment(folder),
    )
    return Server(service), f"clickhouse://default:{_SECRET}@127.0.0.1:{port}/default"


def empty_events(url: str) -> ClickHouseClient:
    """A client of the ClickHouse at `url`, of which all user events are taken away."""
    client = connect(url)
    for table in ("analytics.user_events", "analytics.daily_user_activity"):
        client.command(f"TRUNCATE TABLE {table}")
    return client


@dataclass
class Client(threading.Thread):
    """Publishes batches, some ids again, each until it is acknowledged."""

    seed: int = SEED
    size: int = 40
    pause_seconds: float = 0.01
    acknowledged: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)
    refused_count: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Until stopped; what was begun is brought to its end."""
        chance = random.Random(self.seed)
        sent: list[str] = []
        bus = event_bus.connect()
        while not self.stop.is_set():
            events = [_event(chance, sent) for _ in range(self.size)]
            message = Message(b"\n".join(map(orjson.dumps, events)), len(events))
            while True:
                try:
                    bus.publish(USER_EVENTS.name, [message])
                    break
                except TransientError:
                    self.refused_count += 1
                    time.sleep(0.02)
            ids = [str(event["event_id"]) for event in events]
            sent += ids
            self.acknowledged |= set(ids)
            time.sleep(self.pause_seconds)
        bus.close()


def _event(chance: random.Random, sent: Sequence[str]) -> dict[str, object]:
    """A tenth has an id that was sent before; what an id says is always the same."""
    again = sent and chance.random() < 0.1
    identity = chance.choice(sent) if again else str(uuid.UUID(int=chance.getrandbits(128)))
    about = random.Random(identity)
    now = datetime.now(UTC)
    return {
        "event_id": identity,
        "user_id": str(uuid.UUID(int=about.randrange(20))),
        "event_type": about.choice(("login", "page_view")),
        "event_data": "{}",
        "session_id": str(uuid.UUID(int=0)),
        "user_agent": "",
        "ip_address": "203.0.113.7",
        # Sent again with another time, in whatever month that is.
        "timestamp": utc_text(now - timedelta(days=chance.randrange(34))),
        "received_at": utc_text(now),
    }


@contextmanager
def sending(client: Client) -> Iterator[Client]:
    """While the client sends."""
    client.start()
    try:
        yield client
    finally:
        client.stop.set()
        client.join(60)
        assert not client.is_alive()


@contextmanager
def following() -> Iterator[None]:
    """While a writer follows in a thread of this process."""
    stop = threading.Event()
    thread = threading.Thread(target=writer.follow, args=[stop], daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def wait_for_insert(landings: EventLandings, former: bytes, seconds: float = 30) -> bytes:
    """Until a batch after `former` has been begun and is not settled; the note of it.

    Its insert is on its way then; `former` has been settled by whoever came after the kill.
    """
    deadline = time.monotonic() + seconds
    query = (
        "SELECT note FROM platform.event_landings"
        " WHERE topic = %s AND NOT is_settled AND note <> %s"
    )
    with landings._cursor() as cursor:
        while not (found := cursor.execute(query, [USER_EVENTS.name, former]).fetchone()):
            assert time.monotonic() < deadline, "no batch was begun"
            # Seldom enough to leave the processor to the writer that is waited for.
            time.sleep(0.004)
    return bytes(found[0])


def kill(process_id: int) -> None:
    """kill -9."""
    os.kill(process_id, signal.SIGKILL)


def assert_exactly_once(client: ClickHouseClient, acknowledged: set[str]) -> None:
    """Each acknowledged id is there once, nothing else is, and the daily view says the same."""
    found = client.query("SELECT toString(event_id) FROM analytics.user_events").result_rows
    ids = [row for (row,) in found]
    assert len(ids) == len(set(ids))
    assert set(ids) == acknowledged
    raw = "SELECT date, user_id, event_type, count() FROM analytics.user_events GROUP BY ALL"
    summed = (
        "SELECT date, user_id, event_type, sum(event_count)"
        " FROM analytics.daily_user_activity GROUP BY ALL"
    )
    assert sorted(client.query(raw).result_rows) == sorted(client.query(summed).result_rows)


def assert_settled(topic: str = USER_EVENTS.name) -> None:
    """Nothing is on its way any more, and nothing was called dead or a conflict."""
    [report] = [report for report in writer.topic_reports() if report.topic == topic]
    found = (report.lag_count, report.dead_letter_count, report.conflict_count)
    assert found == (0, 0, 0)
