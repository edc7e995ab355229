"""Repeated kills of what an event passes through, at seeded moments under load.

Every event that was acknowledged must be in the table once and in the daily view once, however
often its batch was sent: clients send again until they are answered.
"""

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fix_faults import (
    ROUNDS,
    SEED,
    Client,
    assert_exactly_once,
    assert_settled,
    clickhouse_server,
    empty_events,
    following,
    kill,
    sending,
    valkey_server,
    wait_for_insert,
)
from fix_kafka import MockCluster
from fix_proxy import Wire
from fix_stack import wait_until
from killed_writer import FAST, write_until_killed

from ingestion.events import writer
from ingestion.events.tables import Tables
from stores.clickhouse.client import ClickHouseClient, connect, migrate
from stores.errors import StoreUnavailable
from stores.postgres.event_landings import EventLandings

PRELOADED = ["killed_writer", "stores.event_bus.redis_streams", "stores.event_bus.kafka"]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FAST.items():
        monkeypatch.setattr(writer, name, value)


@pytest.fixture
def clickhouse(clickhouse_url: str, postgres_url: str) -> Iterator[ClickHouseClient]:
    """The shared one, with no events in it."""
    with closing(empty_events(clickhouse_url)) as client:
        yield client


@pytest.mark.timeout(600)
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


@pytest.mark.timeout(600)
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


@pytest.mark.timeout(600)
def test_kafka_brokers_that_go_and_come(
    clickhouse: ClickHouseClient, mock_kafka: MockCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given up early, so that the client itself must send again.
    monkeypatch.setenv("EVENT_BUS_URL", f"{mock_kafka.url}?message.timeout.ms=100")
    chance = random.Random(SEED)
    with sending(Client()) as client, following():
        for _ in range(ROUNDS):
            before = len(client.acknowledged)
            wait_until(lambda before=before: len(client.acknowledged) > before, 20)
            time.sleep(chance.uniform(0, 0.1))
            mock_kafka.set_down()
            time.sleep(chance.uniform(0, 0.2))
            mock_kafka.set_up()
        client.stop.set()
        client.join(30)
    assert client.refused_count > 0
    writer.drain(60)
    assert_exactly_once(clickhouse, client.acknowledged)


@pytest.mark.timeout(600)
def test_postgres_that_goes_and_comes(
    clickhouse: ClickHouseClient,
    event_bus_url: str,
    postgres_url: str,
    postgres_wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_wire.url)
    chance = random.Random(SEED)
    note = b""
    with (
        closing(EventLandings(postgres_url)) as landings,
        sending(Client()) as client,
        following(),
    ):
        for _ in range(ROUNDS):
            note = wait_for_insert(landings, note)
            time.sleep(chance.uniform(0, 0.03))
            postgres_wire.down()
            time.sleep(chance.uniform(0, 0.1))
            postgres_wire.up()
    writer.drain(60)
    assert_exactly_once(clickhouse, client.acknowledged)
    assert_settled()


@pytest.mark.timeout(600)
def test_clickhouse_answers_that_are_lost_after_the_insert_was_applied(
    clickhouse: ClickHouseClient, event_bus_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(SEED)
    lost = [0]
    real = Tables.insert

    def unanswered(tables: Tables, topic: object, lines: object, token: str, *_: object) -> None:
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


@pytest.mark.timeout(600)
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
