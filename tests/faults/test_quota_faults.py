"""Quotas while a store is away, and while the API is killed: nothing lost, nothing doubled."""

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
from pathlib import Path

import psutil
import pytest
import urllib3
from fix_quota import QuotaApi, ledger_used, new_customer
from fix_stack import RunningStack, StartDisposable, wait_until

from stores.postgres import api_keys
from stores.postgres.client import connect, migrate

SEED = 20261125
ROUNDS = 5
CLIENTS = 4
LIMIT = 80
TESTS = Path(__file__).resolve().parent.parent


@dataclass
class Server:
    """The API in a process of its own, killed and started on the same address."""

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


@dataclass
class Client(threading.Thread):
    """Uses one at a time, until told that there is no more; what got no answer is sent again."""

    url: str
    key: str
    user: uuid.UUID
    seed: int
    stop: threading.Event
    used: int = 0
    refused: int = 0
    repeated: int = 0
    unanswered: int = 0
    problem: BaseException | None = None

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Until stopped or refused."""
        chance = random.Random(self.seed)
        try:
            while not self.refused and not self.stop.is_set():
                self._use_one(str(uuid.UUID(int=chance.getrandbits(128))))
        except BaseException as error:
            self.problem = error

    def _use_one(self, key: str) -> None:
        body = {"user_id": str(self.user), "resource": "interviews", "amount": 1}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                answer = urllib3.request(
                    "POST",
                    f"{self.url}/v1/quota/consume",
                    json=body,
                    headers={"Authorization": f"Bearer {self.key}", "Idempotency-Key": key},
                    retries=False,
                    timeout=20,
                )
            except urllib3.exceptions.HTTPError:
                self.unanswered += 1
                time.sleep(0.05)
                continue
            if answer.status in (200, 201):
                self.used += 1
                self.repeated += answer.status == 200
                return
            if answer.json()["type"] == "/problems/quota-exceeded":
                self.refused += 1
                return
            assert answer.status in (409, 503), answer.data
            time.sleep(0.1)
        raise AssertionError("no answer within a minute")


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


@pytest.mark.timeout(240)
def test_an_api_that_is_killed_between_redis_and_the_ledger_loses_and_doubles_nothing(
    server: Server, postgres_url: str
) -> None:
    user = new_customer(postgres_url, {"interviews": LIMIT})
    with connect(postgres_url) as connection:
        limits = api_keys.Limits(requests_per_minute=1_000_000)
        key = api_keys.create(connection, "clients", ["quota:consume"], limits=limits)
    chance, stop = random.Random(SEED), threading.Event()
    clients = [Client(server.url, key, user, SEED + n, stop) for n in range(CLIENTS)]
    server.start()
    for client in clients:
        client.start()
    for _ in range(ROUNDS):
        before = sum(client.used for client in clients)
        wait_until(
            lambda seen=before: (
                sum(client.used for client in clients) > seen + 3
                or any(client.refused for client in clients)
            ),
            30,
            "an answer",
        )
        time.sleep(chance.uniform(0, 0.02))
        server.kill()
        server.start()
    for client in clients:
        client.join(120)
        assert client.problem is None
        assert not client.is_alive()
    # The kills hit requests under way, and some of them were in the ledger already.
    assert sum(client.unanswered for client in clients) > 0
    assert sum(client.used for client in clients) == LIMIT
    assert ledger_used(postgres_url, user) == LIMIT


@dataclass
class Broken:
    """A stack whose stores a test stops, and the API over it."""

    stack: RunningStack
    api: QuotaApi
    paused: list[int] = field(default_factory=list)

    def pause(self, name: str) -> None:
        """Let a store answer nobody, as one does that hangs."""
        root = psutil.Process(self.stack.service(name)["pid"])
        for each in (root, *root.children(recursive=True)):
            each.suspend()
            self.paused.append(each.pid)

    def resume(self) -> None:
        """Let all answer again."""
        for pid in reversed(self.paused):
            psutil.Process(pid).resume()
        self.paused.clear()


@pytest.fixture
def broken(disposable_stack: StartDisposable, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broken]:
    """PostgreSQL, Redis, the event bus and the API, no ClickHouse: quotas do not need it."""
    running = disposable_stack("postgres", "redis", "event-bus")
    url = running.environment["DATABASE_URL"]
    migrate(url)
    with connect(url) as connection:
        limits = api_keys.Limits(requests_per_minute=1_000_000)
        key = api_keys.create(connection, "quota", api_keys.SCOPES, limits=limits)
    import uvicorn

    from serving.app import create_app

    # Read when the application starts; ClickHouse is where nobody listens.
    monkeypatch.setenv("CLICKHOUSE_URL", "clickhouse://a:b@127.0.0.1:1/x")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started, 20, "the API starts")
        made = Broken(running, QuotaApi(address, key, url))
        yield made
        made.resume()
        made.api.pool.clear()
        server.should_exit = True
        thread.join(20)


@pytest.mark.timeout(240)
def test_a_store_that_is_away_refuses_what_needs_it_and_nothing_else(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, url = broken.api, broken.api.database_url
    user = new_customer(url, {"interviews": 10, "analysis": {"limit": 9, "event_type": "asked"}})
    # ClickHouse is away all the time: what it counts is refused, what it does not count is not.
    assert api.consume(user, 2, "first")[0] == 201
    assert api.consume(user, 1, resource="analysis")[0] == 503
    assert not api.standing(user, "analysis")["is_complete"]
    assert api.standing(user)["is_complete"]
    _, held = api.reserve(user, 3)

    # Redis hangs: quotas are refused, and told from the ledger; requests are served uncounted.
    broken.pause("redis")
    status, problem = api.consume(user, 1, "second")
    assert (status, problem["type"]) == (503, "/problems/quota-unavailable")
    assert problem["enforcement"] == "closed"
    assert api.reserve(user, 1)[0] == 503
    path = f"/v1/quota/reservations/{held['id']}"
    status, found, headers = api.ask("GET", path)
    assert (status, found["state"]) == (200, "held")
    assert headers["RateLimit-Unavailable"] == "not counted right now"
    # The ledger alone ends a reservation.
    assert api.end(held["id"], "commit", {"amount": 1})[1]["state"] == "committed"
    broken.resume()
    wait_until(lambda: api.consume(user, 1, "second")[0] in (200, 201), 20, "Redis is back")
    assert ledger_used(url, user) == 4
    # The counter knew of the commit nothing, and was not too low for a moment: reserved still.
    standing = api.standing(user)
    assert standing["used_count"] + standing["reserved_count"] >= 4

    # PostgreSQL hangs: what was asked has no answer for now, and counts once when it has.
    broken.pause("postgres")
    status, problem = api.consume(user, 1, "third")
    assert (status, problem["type"]) == (503, "/problems/store-unavailable")
    broken.resume()
    wait_until(lambda: api.consume(user, 1, "third")[0] in (200, 201), 30, "PostgreSQL is back")
    assert ledger_used(url, user) == 5

    # A Redis that is killed may forget its last second; its counters are not believed after it.
    before = broken.stack.service("redis")["restart_count"]
    psutil.Process(broken.stack.service("redis")["pid"]).kill()
    broken.stack.wait_restarted("redis", before)
    wait_until(lambda: api.standing(user)["source"] == "counter", 20, "Redis is back")
    standing = api.standing(user)
    assert (standing["used_count"], standing["reserved_count"]) == (5, 0)
    assert api.consume(user, 6)[0] == 409
    assert api.consume(user, 5)[0] == 201


@pytest.mark.timeout(240)
def test_where_the_settings_say_so_quotas_are_used_unchecked_while_redis_is_away(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("QUOTA_FAILS_OPEN", "true")
    broken: Broken = request.getfixturevalue("broken")
    api = broken.api
    user = new_customer(api.database_url, {"interviews": 3})
    assert api.consume(user, 2)[0] == 201
    broken.pause("redis")
    for _ in range(2):
        status, found = api.consume(user, 5, "over")
        assert status in (200, 201), json.dumps(found)
        assert (found["used_count"], found["source"]) == (7, "ledger")
    assert found["is_repeat"]
    broken.resume()
    wait_until(lambda: api.standing(user)["source"] == "counter", 20, "Redis is back")
    # What was used without the counter is counted before it decides again.
    wait_until(lambda: api.consume(user, 1)[0] == 409, 20, "it is counted anew")
    assert ledger_used(api.database_url, user) == 7
