"""The ClickHouse endpoint dies, and is asked to stop: what it acknowledged is kept."""

import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
from fix_clickhouse_http import Endpoint


def test_no_acknowledged_row_is_lost_when_the_endpoint_is_killed(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path)
    endpoint.text("CREATE DATABASE shop ENGINE = Atomic")
    endpoint.text("CREATE TABLE shop.orders (id UInt64) ENGINE = MergeTree ORDER BY id")
    acknowledged: list[int] = []

    def insert() -> None:
        number = 0
        try:
            while endpoint.ask("INSERT INTO shop.orders FORMAT CSV", b"%d\n" % number).is_success:
                acknowledged.append(number)
                number += 1
        except httpx.TransportError:
            return

    writer = threading.Thread(target=insert)
    writer.start()
    deadline = time.monotonic() + 20
    while len(acknowledged) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    endpoint.process.send_signal(signal.SIGKILL)
    endpoint.process.wait(10)
    writer.join(10)
    endpoint.start()
    found = {int(line) for line in endpoint.text("SELECT id FROM shop.orders").splitlines()}
    assert len(acknowledged) >= 20
    assert set(acknowledged) <= found
    assert endpoint.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_query_ends_before_the_endpoint_does(
    tmp_path: Path, number: signal.Signals
) -> None:
    endpoint = Endpoint(tmp_path)
    answers: list[str] = []
    slow = threading.Thread(target=lambda: answers.append(endpoint.text("SELECT sleep(1)")))
    slow.start()
    deadline = time.monotonic() + 10
    while endpoint.text("SELECT count() FROM system.processes WHERE query LIKE '%sleep(1)%'") < "2":
        assert time.monotonic() < deadline
    endpoint.process.send_signal(number)
    assert endpoint.process.wait(20) == 0
    slow.join(10)
    assert answers == ["0"]
    assert list((tmp_path / "data" / "http_spool").iterdir()) == []
