"""Events through the API: how many, how soon, at what cost, and beside a mere parser.

Starts a stack of its own (stores, API, event writer) in a temporary home. Clients run in
processes of their own on the same cores, over kept-alive connections, with bodies made before.

* batches: two clients send 500 events a request. The clock runs from the first request to the
  last acknowledgement (accepted) and to the moment when ClickHouse counts every event (landed).
* parsing: the same clients and bodies against the same uvicorn with an endpoint that only parses
  the JSON, by the standard library as frameworks do it, and by the fastest parser there is. Runs
  of both kinds alternate; the share is between medians of the same run.
* single: requests of one event over many connections.
* visible: a steady rate, and how long from each acknowledgement until ClickHouse shows the event.
* memory: many batches; the resident memory of the API and the writer at the start, and the highest
  in each tenth of the run. The writer's depends on its batches: their size is bounded.

    .venv/bin/python bench/events.py [--quick] [--json]
"""

import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from events_clients import send_batches, send_singles

REPOSITORY = Path(__file__).resolve().parent.parent
PROCESSES = ("postgres", "clickhouse", "redis", "event-bus", "event-writer", "api")
BATCH = 500
CLIENTS = 2
LANDED_SECONDS_LIMIT = 180
MEMORY_PARTS = 10
MEMORY_BODIES_EVENTS = 50_000


@dataclass(frozen=True)
class Sizes:
    """How much is sent in each part."""

    rounds: int
    events_a_round: int
    single_seconds: float
    single_connections: int
    steady_seconds: float
    steady_rate: int
    memory_events: int


FULL = Sizes(3, 200_000, 10, 32, 20, 5_000, 5_000_000)
QUICK = Sizes(2, 50_000, 4, 32, 6, 5_000, 500_000)


@dataclass
class Result:
    """What was measured. Rates are events per second."""

    accepted_per_second: list[int] = field(default_factory=list)
    landed_per_second: list[int] = field(default_factory=list)
    parsed_per_second: list[int] = field(default_factory=list)
    parsed_fastest_per_second: list[int] = field(default_factory=list)
    share_of_parsing: float = 0.0
    share_of_fastest_parsing: float = 0.0
    parser_cpu_seconds_per_million: dict[str, float] = field(default_factory=dict)
    cpu_seconds_per_million: dict[str, float] = field(default_factory=dict)
    single_per_second: int = 0
    single_ms_p50: float = 0.0
    single_ms_p99: float = 0.0
    single_cpu_seconds: dict[str, float] = field(default_factory=dict)
    steady_per_second: int = 0
    visible_seconds_p50: float = 0.0
    visible_seconds_p95: float = 0.0
    memory_event_count: int = 0
    memory_mib: dict[str, list[int]] = field(default_factory=dict)


def interview_data(home: Path, *arguments: str) -> str:
    """Run the command in `home`; its output."""
    done = subprocess.run(
        [sys.executable, "-m", "interview_data", *arguments],
        env=os.environ | {"INTERVIEW_DATA_HOME": str(home)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"{arguments[0]}: {done.stderr[-2000:]}")
    return done.stdout


def make_event(chance: random.Random, now: datetime) -> dict[str, Any]:
    """Like what a product's front end sends."""
    moment = now - timedelta(milliseconds=chance.randrange(20 * 24 * 3600 * 1000))
    return {
        "event_id": str(uuid.UUID(int=chance.getrandbits(128))),
        "user_id": str(uuid.UUID(int=chance.randrange(5000))),
        "event_type": chance.choice(("page_view", "interview_created", "response_recorded")),
        "event_data": {"path": f"/interviews/{chance.randrange(10**6)}", "status": 200},
        "session_id": str(uuid.UUID(int=chance.getrandbits(64))),
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0",
        "ip_address": f"203.0.113.{chance.randrange(256)}",
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def make_bodies(chance: random.Random, events: int) -> list[bytes]:
    """Batches of events that nobody has sent yet."""
    now = datetime.now(UTC)
    return [
        json.dumps([make_event(chance, now) for _ in range(BATCH)]).encode()
        for _ in range(events // BATCH)
    ]


class Bench:
    """One stack, measured part by part."""

    def __init__(self, home: Path, sizes: Sizes) -> None:
        from stores.clickhouse.client import connect

        self.home = home
        self.sizes = sizes
        self.environment = json.loads(interview_data(home, "env", "--json"))
        self.clickhouse = connect(self.environment["CLICKHOUSE_URL"])
        self.chance = random.Random(7)
        self.result = Result()

    def run(self) -> Result:
        """Every part."""
        self.batches()
        self.singles()
        self.steady()
        self.memory()
        return self.result

    def landed_count(self) -> int:
        """Rows in ClickHouse."""
        return int(self.clickhouse.query("SELECT count() FROM analytics.user_events").first_row[0])

    def wait_landed(self, count: int) -> None:
        """Until ClickHouse has so many rows."""
        deadline = time.perf_counter() + LANDED_SECONDS_LIMIT
        while self.landed_count() < count:
            if time.perf_counter() > deadline:
                raise click.ClickException("the events did not land in time")
            time.sleep(0.05)

    def processes(self) -> dict[str, list[Any]]:
        """Each process of the stack with its children."""
        import psutil

        status = json.loads(interview_data(self.home, "status", "--json"))
        found = {}
        for service in status["services"]:
            root = psutil.Process(service["pid"])
            found[service["name"]] = [root, *root.children(recursive=True)]
        return found

    def cpu_seconds(self) -> dict[str, float]:
        """Of each process of the stack, and of the clients that have ended."""
        times = os.times()
        found = {"clients": times.children_user + times.children_system}
        for name, family in self.processes().items():
            found[name] = sum(sum(member.cpu_times()[:2]) for member in family)
        return found

    def batches(self) -> None:
        """Ours and the parsers', in alternation."""
        ours, plain, fastest = self.result, "parse", "parse-fastest"
        cpu: dict[str, float] = {}
        parsers: dict[str, float] = {}
        with parser(self.home) as (parser_url, process_id):
            for _ in range(self.sizes.rounds):
                bodies = make_bodies(self.chance, self.sizes.events_a_round)
                before, count = self.cpu_seconds(), self.landed_count()
                started = time.perf_counter()
                accepted = self.send(self.environment["API_URL"], "/v1/events", bodies)
                self.wait_landed(count + len(bodies) * BATCH)
                landed = time.perf_counter() - started
                for name, used in self.cpu_seconds().items():
                    cpu[name] = cpu.get(name, 0.0) + used - before.get(name, 0.0)
                ours.accepted_per_second.append(round(len(bodies) * BATCH / accepted))
                ours.landed_per_second.append(round(len(bodies) * BATCH / landed))
                for name, rates in (
                    (plain, ours.parsed_per_second),
                    (fastest, ours.parsed_fastest_per_second),
                ):
                    used = own_cpu_seconds(process_id)
                    seconds = self.send(parser_url, f"/{name}", bodies)
                    parsers[name] = parsers.get(name, 0.0) + own_cpu_seconds(process_id) - used
                    rates.append(round(len(bodies) * BATCH / seconds))
        total = self.sizes.rounds * self.sizes.events_a_round / 1_000_000
        ours.cpu_seconds_per_million = {name: round(used / total, 1) for name, used in cpu.items()}
        ours.parser_cpu_seconds_per_million = {
            name: round(used / total, 1) for name, used in parsers.items()
        }
        accepted_median = statistics.median(ours.accepted_per_second)
        ours.share_of_parsing = round(
            accepted_median / statistics.median(ours.parsed_per_second), 2
        )
        ours.share_of_fastest_parsing = round(
            accepted_median / statistics.median(ours.parsed_fastest_per_second), 2
        )

    def send(self, url: str, path: str, bodies: list[bytes]) -> float:
        """By CLIENTS processes; seconds until the last answer, without making the processes."""
        key = self.environment["API_KEY"]
        with ProcessPoolExecutor(CLIENTS) as pool:
            parts = [bodies[number::CLIENTS] for number in range(CLIENTS)]
            sending = [pool.submit(send_batches, url, path, key, part) for part in parts]
            spans = [each.result() for each in sending]
        return max(end for _, end in spans) - min(start for start, _ in spans)

    def singles(self) -> None:
        """Requests of one event."""
        import multiprocessing

        sizes = self.sizes
        before = self.cpu_seconds()
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
            url, key = self.environment["API_URL"], self.environment["API_KEY"]
            seconds, answers = pool.submit(
                send_singles, url, key, sizes.single_connections, sizes.single_seconds
            ).result()
        after = self.cpu_seconds()
        answers.sort()
        self.result.single_per_second = round(len(answers) / seconds)
        self.result.single_ms_p50 = round(answers[len(answers) // 2] * 1000, 1)
        self.result.single_ms_p99 = round(answers[int(len(answers) * 0.99)] * 1000, 1)
        self.result.single_cpu_seconds = {
            name: round(after[name] - before.get(name, 0.0), 2) for name in after
        }

    def steady(self) -> None:
        """A steady rate in batches; a marked event in each of some of them is looked for."""
        sizes, batch = self.sizes, 100
        count = int(sizes.steady_seconds * sizes.steady_rate / batch)
        now = datetime.now(UTC)
        batches = [[make_event(self.chance, now) for _ in range(batch)] for _ in range(count)]
        accepted: dict[str, float] = {}
        seen: dict[str, float] = {}
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(accepted, seen, done))
        watcher.start()
        address = urlsplit(self.environment["API_URL"])
        connection = http.client.HTTPConnection(str(address.hostname), address.port)
        headers = {"Authorization": f"Bearer {self.environment['API_KEY']}"}
        headers["Content-Type"] = "application/json"
        started = time.perf_counter()
        for number, events in enumerate(batches):
            time.sleep(max(0.0, started + number * batch / sizes.steady_rate - time.perf_counter()))
            connection.request("POST", "/v1/events", json.dumps(events).encode(), headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 202, answer.status
            accepted[events[0]["event_id"]] = time.perf_counter()
        self.result.steady_per_second = round(count * batch / (time.perf_counter() - started))
        deadline = time.perf_counter() + 60
        while len(seen) < len(accepted) and time.perf_counter() < deadline:
            time.sleep(0.05)
        done.set()
        watcher.join()
        assert len(seen) == len(accepted)
        waits = sorted(seen[name] - accepted[name] for name in accepted)
        self.result.visible_seconds_p50 = round(waits[len(waits) // 2], 2)
        self.result.visible_seconds_p95 = round(waits[int(len(waits) * 0.95)], 2)

    def _watch(
        self, accepted: dict[str, float], seen: dict[str, float], done: threading.Event
    ) -> None:
        from stores.clickhouse.client import connect

        client = connect(self.environment["CLICKHOUSE_URL"])
        query = (
            "SELECT toString(event_id) FROM analytics.user_events"
            " WHERE event_id IN {ids:Array(UUID)}"
        )
        while not done.wait(0.05):
            missing = [name for name in list(accepted) if name not in seen]
            if missing:
                found = client.query(query, parameters={"ids": missing}).result_rows
                seen.update(dict.fromkeys((row[0] for row in found), time.perf_counter()))

    def memory(self) -> None:
        """Resident memory while very many events pass, made a part at a time."""
        left = self.sizes.memory_events
        family = self.processes()
        watched = {name: family[name] for name in ("api", "event-writer")}
        mib = self.result.memory_mib = {name: [resident_mib(watched[name])] for name in watched}
        count = self.landed_count()
        for _ in range(MEMORY_PARTS):
            highest = dict.fromkeys(watched, 0)
            done = threading.Event()
            watcher = threading.Thread(target=_watch_memory, args=(watched, highest, done))
            watcher.start()
            for _ in range(left // MEMORY_PARTS // MEMORY_BODIES_EVENTS):
                bodies = make_bodies(self.chance, MEMORY_BODIES_EVENTS)
                self.send(self.environment["API_URL"], "/v1/events", bodies)
                count += MEMORY_BODIES_EVENTS
            self.wait_landed(count)
            done.set()
            watcher.join()
            self.result.memory_event_count += left // MEMORY_PARTS
            for name, size in highest.items():
                mib[name].append(size)


def resident_mib(family: list[Any]) -> int:
    """Of processes together."""
    return int(sum(member.memory_info().rss for member in family) // 2**20)


def _watch_memory(
    watched: dict[str, list[Any]], highest: dict[str, int], done: threading.Event
) -> None:
    while not done.wait(0.05):
        for name, family in watched.items():
            highest[name] = max(highest[name], resident_mib(family))


def own_cpu_seconds(process_id: int) -> float:
    """Of one process."""
    import psutil

    return float(sum(psutil.Process(process_id).cpu_times()[:2]))


@contextmanager
def parser(home: Path) -> Iterator[tuple[str, int]]:
    """The same uvicorn with endpoints that only parse; its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    listen = ("--port", str(port), "--no-access-log", "--log-level", "warning")
    process = subprocess.Popen(
        [*(sys.executable, "-m", "uvicorn", "events_parser:app", "--host", "127.0.0.1"), *listen],
        cwd=Path(__file__).parent,
        env=os.environ | {"INTERVIEW_DATA_HOME": str(home)},
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


@click.command()
@click.option("--quick", is_flag=True, help="Smaller numbers: a minute instead of ten.")
@click.option("--part", "parts", multiple=True, help="Only batches, singles, steady or memory.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(quick: bool, parts: tuple[str, ...], as_json: bool) -> None:
    """Measure events through the API, end to end."""
    with tempfile.TemporaryDirectory(prefix="bench-events-") as folder:
        home = Path(folder)
        only = [part for name in PROCESSES for part in ("--only", name)]
        try:
            interview_data(home, "up", "--detach", *only)
            bench = Bench(home, QUICK if quick else FULL)
            if parts:
                for part in parts:
                    getattr(bench, part)()
            else:
                bench.run()
        finally:
            interview_data(home, "down")
    if as_json:
        click.echo(json.dumps(asdict(bench.result)))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "measured")
    for name, value in asdict(bench.result).items():
        table.add_row(name.replace("_", " "), str(value))
    Console().print(table)


if __name__ == "__main__":
    main()
