"""Repeated kills of what an event passes through, at seeded moments under load.

Every event that was acknowledged must be in the table once and in the daily view once, however
often its batch was sent: clients send again until they are answered.
"""

import multiprocessing
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from fix_faults import (
    ROUNDS,
    SEED,
    Client,
    assert_exactly_once,
    assert_settled,
    clickhouse_server,
    following,
    kill,
    sending,
    valkey_server,
    wait_for_insert,
)
from fix_kafka import MockCluster
from fix_stack import wait_until
from killed_writer import FAST, write_until_killed

from ingestion.events import writer
from ingestion.events.tables import Tables
from stores import event_bus
from stores.clickhouse.client import ClickHouseClient, connect, migrate
from stores.errors import StoreUnavailable, TransientError
from stores.event_bus.interface import Message
from stores.event_bus.topics import USER_EVENTS
from stores.postgres.event_landings import EventLandings

PRELOADED = ["killed_writer", "stores.event_bus.redis_streams", "stores.event_bus.kafka"]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FAST.items():
        monkeypatch.setattr(writer, name, value)


@pytest.fixture
def clickhouse(clickhouse_url: str, postgres_url: str) -> Iterator[ClickHouseClient]:
    """The shared one, with no events in it."""
    client = connect(clickhouse_url)
    for table in ("analytics.user_events", "analytics.daily_user_activity"):
        client.command(f"TRUNCATE TABLE {table}")
    yield client
    client.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bus", ["redis", "kafka"])
def test_a_writer_killed_between_insert_and_commit(
    bus: str,
    request: pytest.FixtureRequest,
    clickhouse: ClickHouseClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = request.getfixturevalue("event_bus_url" if bus == "redis" else "own_kafka_url")
    monkeypatch.setenv("EVENT_BUS_URL", url)
    chance = random.Random(SEED)
    # Nothing of pytest is loaded into the processes: they start in a few milliseconds.
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(PRELOADED)
    note = b""
    with closing(EventLandings()) as landings, sending(Client(size=10)) as client:
        for _ in range(ROUNDS):
            process = processes.Process(
                target=write_until_killed, args=[dict(os.environ)], daemon=True
            )
            process.start()
            note = wait_for_insert(landings, note)
            time.sleep(chance.uniform(0, 0.03))
            assert process.pid is not None
            kill(process.pid)
            process.join(20)
    writer.drain(60)
    assert_exactly_once(clickhouse, client.acknowledged)
    assert_settled()


@pytest.mark.timeout(300)
def test_the_bus_killed_while_events_are_published_and_landed(
    clickhouse: ClickHouseClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = valkey_server(tmp_path / "bus")
    monkeypatch.setenv("EVENT_BUS_URL", url)
    chance = random.Random(SEED)
    server.start()
    with sending(Client(pause_seconds=0.002)) as client, following():
        for _ in range(ROUNDS):
            before = len(client.acknowledged)
            wait_until(lambda before=before: len(client.acknowledged) > before, 20)
            time.sleep(chance.uniform(0, 0.1))
            server.kill()
            server.start()
        client.stop.set()
        client.join(30)
    assert client.refused_count > 0
    writer.drain(60)
    assert_exactly_once(clickhouse, client.acknowledged)
    assert_settled()
    server.kill()


@pytest.mark.timeout(300)
def test_kafka_brokers_that_go_and_come(
    clickhouse: ClickHouseClient, mock_kafka: MockCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given up early, so that the client itself must send again.
    monkeypatch.setenv("EVENT_BUS_URL", f"{mock_kafka.url}?message.timeout.ms=400")
    chance = random.Random(SEED)
    with sending(Client()) as client, following():
        for _ in range(ROUNDS):
            before = len(client.acknowledged)
            wait_until(lambda before=before: len(client.acknowledged) > before, 20)
            time.sleep(chance.uniform(0, 0.1))
            mock_kafka.set_down()
            time.sleep(chance.uniform(0, 0.5))
            mock_kafka.set_up()
        client.stop.set()
        client.join(30)
    assert client.refused_count > 0
    writer.drain(60)
    assert_exactly_once(clickhouse, client.acknowledged)


@pytest.mark.timeout(300)
def test_clickhouse_answers_that_are_lost_after_the_insert_was_applied(
    clickhouse: ClickHouseClient, event_bus_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(SEED)
    lost = [0]
    real = Tables.insert

    def unanswered(tables: Tables, topic: object, lines: object, token: str) -> None:
        real(tables, topic, lines, token)  # type: ignore[arg-type]
        if lines and chance.random() < 0.8:
            lost[0] += 1
            raise StoreUnavailable("the answer was lost")

    monkeypatch.setattr(Tables, "insert", unanswered)
    with sending(Client()) as client, following():
        wait_until(lambda: lost[0] >= ROUNDS, 200)
        client.stop.set()
        client.join(30)
    writer.drain(60)
    assert_exactly_once(clickhouse, client.acknowledged)
    assert_settled()


@pytest.mark.timeout(300)
def test_clickhouse_killed_while_it_inserts(
    postgres_url: str, event_bus_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = clickhouse_server(tmp_path / "clickhouse")
    monkeypatch.setenv("CLICKHOUSE_URL", url)
    server.start()
    migrate(url)
    chance = random.Random(SEED)
    note = b""
    with (
        closing(EventLandings()) as landings,
        sending(Client(pause_seconds=0.1)) as client,
        following(),
    ):
        for _ in range(ROUNDS):
            note = wait_for_insert(landings, note)
            time.sleep(chance.uniform(0, 0.04))
            server.kill()
            server.start()
        client.stop.set()
        client.join(30)
    writer.drain(60)
    found = connect(url)
    assert_exactly_once(found, client.acknowledged)
    assert_settled()
    found.close()
    server.kill()


@pytest.mark.parametrize("limit", ["memory", "disk"])
def test_a_full_bus_refuses_and_loses_nothing(
    clickhouse: ClickHouseClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    server, url = valkey_server(tmp_path / "bus", "maxmemory 4mb" if limit == "memory" else "")
    monkeypatch.setenv("EVENT_BUS_URL", url)
    server.start()
    if limit == "disk":
        # Its file may not grow beyond this: what a full disk does to a write.
        size = 3 * 1024 * 1024
        resource.prlimit(server.process_id, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    client = Client(size=1000, pause_seconds=0)
    with sending(client):
        wait_until(lambda: client.refused_count > 3, 30)
        taken = len(client.acknowledged)
        assert taken > 0
        if limit == "disk":
            server.kill()
            server.start()
        # Landing what was taken makes room. A client that is refused ends only while somebody
        # lands: it fills what one drain has emptied before that drain is over.
        with following():
            wait_until(lambda: len(client.acknowledged) > taken, 30)
            client.stop.set()
            client.join(30)
    writer.drain(60)
    assert_exactly_once(clickhouse, client.acknowledged)
    server.kill()


def test_a_writer_that_starts_when_the_bus_is_full_empties_it(
    clickhouse: ClickHouseClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = valkey_server(tmp_path / "bus", "maxmemory 16mb")
    monkeypatch.setenv("EVENT_BUS_URL", url)
    server.start()
    with closing(event_bus.connect()) as bus, closing(redis.Redis.from_url(url)) as admin:
        with sending(Client(size=1000)) as client:
            wait_until(lambda: client.acknowledged, 30)
            # Another writer was here before, which has made the groups of readers.
            writer.drain(60)
            seen = len(client.acknowledged)
            wait_until(lambda: len(client.acknowledged) > seen, 30)
        # What is no event becomes a letter, for which there is no room either.
        bus.publish(USER_EVENTS.name, [Message(b"{}", 1)])
        admin.config_set("maxmemory", 1)
        with pytest.raises(TransientError, match="maxmemory"):
            bus.publish(USER_EVENTS.name, [Message(b"{}", 1)])
        [report, *_] = writer.drain(60)
    assert (report.lag_count, report.dead_letter_count) == (0, 1)
    letters = "SELECT count() FROM platform.dead_letters WHERE rule = 'invalid' AND body = '{}'"
    assert clickhouse.query(letters).first_row[0] == 1
    assert_exactly_once(clickhouse, client.acknowledged)
    server.kill()


def test_a_full_bus_is_told_as_such(tmp_path: Path) -> None:
    server, url = valkey_server(tmp_path / "bus", "maxmemory 2mb")
    server.start()
    large = [Message(b"x" * 100_000, 1)] * 100
    with (
        closing(event_bus.connect(url)) as bus,
        pytest.raises(TransientError, match="EVENT_BUS_URL"),
    ):
        bus.publish(USER_EVENTS.name, large)
    server.kill()
