"""Events per second through the API, from the client to a row in ClickHouse.

Starts a stack of its own (stores, API, event writer) in a temporary home. Clients send batches
over kept-alive connections; the clock runs from the first request to the last acknowledgement
(accepted), and to the moment when ClickHouse counts every event (landed). CPU seconds are those
of each process, clients included. Then single events are sent to see how soon each is visible.

    .venv/bin/python bench/events.py [--events 200000] [--batch 500] [--clients 2] [--json]
"""

import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

REPOSITORY = Path(__file__).resolve().parent.parent
PROCESSES = ("postgres", "clickhouse", "redis", "event-bus", "event-writer", "api")
VISIBLE_TRIES = 10


@dataclass
class Result:
    """What was measured. Rates are events per second."""

    event_count: int
    batch_size: int
    client_count: int
    accepted_per_second: float
    landed_per_second: float
    request_ms_p50: float
    request_ms_p99: float
    visible_seconds_median: float
    visible_seconds_max: float
    cpu_seconds: dict[str, float]


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


def make_event(chance: random.Random) -> dict[str, Any]:
    """Like what a product's front end sends."""
    return {
        "event_id": str(uuid.UUID(int=chance.getrandbits(128))),
        "user_id": str(uuid.UUID(int=chance.randrange(5000))),
        "event_type": chance.choice(("page_view", "interview_created", "response_recorded")),
        "event_data": {"path": f"/interviews/{chance.randrange(10**6)}", "status": 200},
        "session_id": str(uuid.UUID(int=chance.getrandbits(64))),
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0",
        "ip_address": f"203.0.113.{chance.randrange(256)}",
        "timestamp": f"2026-11-{chance.randrange(1, 24):02}T09:30:00.{chance.randrange(1000):03}Z",
    }


class Sender(threading.Thread):
    """One client on one connection."""

    def __init__(self, environment: dict[str, str], bodies: list[bytes]) -> None:
        super().__init__()
        self._address = urlsplit(environment["API_URL"])
        self._key = environment["API_KEY"]
        self._bodies = bodies
        self.request_seconds: list[float] = []

    def run(self) -> None:
        """Send everything; anything but 202 ends the benchmark."""
        connection = http.client.HTTPConnection(str(self._address.hostname), self._address.port)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        for body in self._bodies:
            started = time.perf_counter()
            connection.request("POST", "/v1/events", body, headers)
            answer = connection.getresponse()
            answer.read()
            self.request_seconds.append(time.perf_counter() - started)
            assert answer.status == 202, answer.status
        connection.close()


def cpu_seconds(home: Path) -> dict[str, float]:
    """Of each process of the stack with its children, and of this one."""
    import psutil

    status = json.loads(interview_data(home, "status", "--json"))
    found = {"client": sum(psutil.Process().cpu_times()[:2])}
    for service in status["services"]:
        root = psutil.Process(service["pid"])
        family = [root, *root.children(recursive=True)]
        found[service["name"]] = sum(sum(member.cpu_times()[:2]) for member in family)
    return found


def measure(home: Path, events: int, batch: int, clients: int) -> Result:
    """One run on a stack that runs in `home`."""
    from stores.clickhouse.client import connect

    environment = json.loads(interview_data(home, "env", "--json"))
    clickhouse = connect(environment["CLICKHOUSE_URL"])
    chance = random.Random(7)
    bodies = [
        json.dumps([make_event(chance) for _ in range(batch)]).encode()
        for _ in range(events // batch)
    ]
    senders = [Sender(environment, bodies[number::clients]) for number in range(clients)]
    cpu_before = cpu_seconds(home)
    started = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    accepted = time.perf_counter() - started
    count = len(bodies) * batch
    while clickhouse.query("SELECT count() FROM analytics.user_events").first_row[0] < count:
        assert time.perf_counter() - started < accepted + 120
        time.sleep(0.1)
    landed = time.perf_counter() - started
    cpu = {name: round(used - cpu_before[name], 2) for name, used in cpu_seconds(home).items()}
    requests = sorted(seconds for sender in senders for seconds in sender.request_seconds)
    visible = sorted(_visible(environment, clickhouse, chance) for _ in range(VISIBLE_TRIES))
    return Result(
        event_count=count,
        batch_size=batch,
        client_count=clients,
        accepted_per_second=round(count / accepted),
        landed_per_second=round(count / landed),
        request_ms_p50=round(requests[len(requests) // 2] * 1000, 1),
        request_ms_p99=round(requests[int(len(requests) * 0.99)] * 1000, 1),
        visible_seconds_median=round(visible[len(visible) // 2], 2),
        visible_seconds_max=round(visible[-1], 2),
        cpu_seconds=cpu,
    )


def _visible(environment: dict[str, str], clickhouse: Any, chance: random.Random) -> float:
    event = make_event(chance)
    sender = Sender(environment, [json.dumps([event]).encode()])
    sender.run()
    started = time.perf_counter()
    query = "SELECT count() FROM analytics.user_events WHERE event_id = {id:UUID}"
    while not clickhouse.query(query, parameters={"id": event["event_id"]}).first_row[0]:
        assert time.perf_counter() - started < 30
        time.sleep(0.02)
    return time.perf_counter() - started


@click.command()
@click.option("--events", default=200_000, show_default=True)
@click.option("--batch", default=500, show_default=True)
@click.option("--clients", default=2, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(events: int, batch: int, clients: int, as_json: bool) -> None:
    """Measure events per second, end to end."""
    with tempfile.TemporaryDirectory(prefix="bench-events-") as folder:
        home = Path(folder)
        only = [part for name in PROCESSES for part in ("--only", name)]
        try:
            interview_data(home, "up", "--detach", *only)
            result = measure(home, events, batch, clients)
        finally:
            interview_data(home, "down")
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "measured")
    for name, value in asdict(result).items():
        table.add_row(name.replace("_", " "), str(value))
    Console().print(table)


if __name__ == "__main__":
    main()
