"""A ClickHouse endpoint as a process of its own, apart from the shared stack.

Belongs here: starting, asking and ending one. The tests of the endpoint kill theirs at will.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
CONFIGURATION = REPOSITORY / "stores" / "clickhouse" / "config.xml"
PASSWORD = "a test's password"
START_SECONDS = 30
_IN_ZONE = """
from stores.local.clickhouse_http import __main__ as endpoint
set_zone = endpoint.set_process_time_zone
endpoint.set_process_time_zone = lambda _: set_zone({0!r})
endpoint.main()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Endpoint:
    """A running endpoint and a way to ask it."""

    def __init__(self, folder: Path, timezone: str = "") -> None:
        self.folder = folder
        # The engine takes it from its process, as a server takes it from its configuration.
        self.module = ["-m", "stores.local.clickhouse_http"]
        if timezone:
            self.module = ["-c", _IN_ZONE.format(timezone)]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.start()

    def start(self) -> None:
        argv = [sys.executable, *self.module]
        argv += ["--path", str(self.folder / "data"), "--port", str(self.port)]
        argv += ["--config-file", str(CONFIGURATION)]
        environment = {**os.environ, "CLICKHOUSE_LOCAL_PASSWORD": PASSWORD}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(argv, cwd=REPOSITORY, env=environment, stderr=log)
        self.client = httpx.Client(
            base_url=self.url, auth=("default", PASSWORD), timeout=30, trust_env=False
        )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            return self.client.get("/ping").text == "Ok.\n"
        except httpx.TransportError:
            return False

    def end(self, number: signal.Signals) -> int:
        self.client.close()
        self.process.send_signal(number)
        return self.process.wait(30)

    def ask(self, sql: str | bytes, body: bytes | None = None, **params: Any) -> httpx.Response:
        """POST `sql` as the body, or as the parameter where there is a body of data."""
        if body is None:
            return self.client.post("/", params=params, content=sql)
        return self.client.post("/", params={"query": sql, **params}, content=body)

    def text(self, sql: str | bytes, body: bytes | None = None, **params: Any) -> str:
        """The result without its last line break; fails where the query failed."""
        response = self.ask(sql, body, **params)
        assert response.status_code == 200, response.text
        return response.text.rstrip("\n")

    def connect(self, **options: Any) -> clickhouse_connect.driver.Client:
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, password=PASSWORD, **options
        )


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    running = Endpoint(tmp_path_factory.mktemp("clickhouse_http"))
    running.text("CREATE DATABASE shop ENGINE = Atomic")
    yield running
    if running.process.poll() is None:
        running.end(signal.SIGTERM)
