"""A bus without room: 503 and not loss, and the way out of it.

Belongs here: what the API and the writer do when the bus's memory or its disk is full.
"""

import os
import resource
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from fix_faults import (
    Client,
    Server,
    assert_exactly_once,
    empty_events,
    sending,
    valkey_server,
)
from fix_stack import wait_until
from starlette.testclient import TestClient

from ingestion.events import writer
from serving.app import create_app
from stores import event_bus
from stores.clickhouse.client import ClickHouseClient
from stores.errors import TransientError
from stores.event_bus.interface import Message
from stores.event_bus.topics import USER_EVENTS
from stores.postgres import api_keys
from stores.postgres.client import connect as connect_postgres

BATCH = 1000


@pytest.fixture
def clickhouse(clickhouse_url: str) -> Iterator[ClickHouseClient]:
    """The shared one, with no events in it."""
    with closing(empty_events(clickhouse_url)) as client:
        yield client


@pytest.fixture
def api_key(postgres_url: str) -> str:
    """Of a sender whom no limit of rate holds up."""
    with connect_postgres(postgres_url) as connection:
        limits = api_keys.Limits(1_000_000, 100_000_000)
        return api_keys.create(connection, "sender", ["events:write"], limits=limits)


def _batch() -> list[dict[str, Any]]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    common = {"user_id": str(uuid.UUID(int=7)), "event_type": "login", "timestamp": now}
    return [{"event_id": str(uuid.uuid4())} | common for _ in range(BATCH)]


def _ids(batch: list[dict[str, Any]]) -> set[str]:
    return {each["event_id"] for each in batch}


@pytest.mark.usefixtures("redis_url")
@pytest.mark.parametrize("limit", ["memory", "disk"])
def test_a_full_bus_is_503_and_loses_nothing(
    clickhouse: ClickHouseClient,
    api_key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
) -> None:
    server, url = valkey_server(tmp_path / "bus", "maxmemory 3mb" if limit == "memory" else "")
    monkeypatch.setenv("EVENT_BUS_URL", url)
    server.start()
    if limit == "disk":
        _fill_disk(server)
    taken: set[str] = set()
    with TestClient(create_app(), raise_server_exceptions=False) as api:
        api.headers["Authorization"] = f"Bearer {api_key}"
        while (answer := api.post("/v1/events", json=(batch := _batch()))).status_code == 202:
            taken |= _ids(batch)
        for _ in range(3):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert "send the same batch again" in answer.json()["detail"]
            answer = api.post("/v1/events", json=batch)
        assert taken
        if limit == "disk":
            # It has ended, as it must where it cannot write; now somebody has made room.
            server.kill()
            server.start()
        writer.drain(60)
        found = clickhouse.query("SELECT toString(event_id) FROM analytics.user_events")
        there = {row for (row,) in found.result_rows}
        assert there - _ids(batch) == taken
        assert len(there & _ids(batch)) in (0, BATCH)
        wait_until(lambda: api.post("/v1/events", json=batch).status_code == 202, 30)
    writer.drain(60)
    assert_exactly_once(clickhouse, taken | _ids(batch))
    server.kill()


def _fill_disk(server: Server) -> None:
    """Its file may not grow beyond this: what a full disk does to a write."""
    size = 512 * 1024
    resource.prlimit(server.process_id, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_writer_that_starts_when_the_bus_is_full_empties_it(
    clickhouse: ClickHouseClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = valkey_server(tmp_path / "bus", "maxmemory 16mb")
    monkeypatch.setenv("EVENT_BUS_URL", url)
    server.start()
    with closing(event_bus.connect()) as bus, closing(redis.Redis.from_url(url)) as admin:
        with sending(Client(size=1000)) as client:
            wait_until(lambda: len(client.acknowledged) > 2000, 30)
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
    large = [Message(os.urandom(100_000), 1)] * 100
    with (
        closing(event_bus.connect(url)) as bus,
        pytest.raises(TransientError, match="EVENT_BUS_URL"),
    ):
        bus.publish(USER_EVENTS.name, large)
    server.kill()
