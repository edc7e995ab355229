"""Quotas, entitlements and usage over HTTP: how many, how soon, and beside an empty route.

Starts stores of its own in a temporary home, and the API under uvicorn, one worker as in the
stack, with one route more that checks the key as the others do and answers nothing. wrk sends from
the same machine.

* share: `POST /v1/quota/consume`, one unit for one of the customers at random, against the empty
  route; runs of both alternate, the share is between medians of the same run.
* at half: consume again, at half of that many requests a second, with random pauses; then the
  empty route at the same rate, for what the machine itself takes.
* reads: entitlements of one customer, usage of one customer in a month, a page of accounts, against
  rollups of the size that 50 million events of these customers have in 90 days.

    .venv/bin/python bench/serving_quota.py [--quick] [--part share|half|reads] [--json]
"""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

REPOSITORY = Path(__file__).resolve().parent.parent
STORES = ("postgres", "clickhouse", "redis", "event-bus")
CUSTOMERS = 10_000
# Of them, those who use something: their counters are there, as they are on any other day.
ACTIVE = 1_000
CONNECTIONS = 64


@dataclass
class Result:
    """What was measured. Rates are requests per second, times are of wrk."""

    empty_per_second: list[int] = field(default_factory=list)
    consume_per_second: list[int] = field(default_factory=list)
    share_of_empty: float = 0.0
    api_cpu_ms: dict[str, list[float]] = field(default_factory=dict)
    at_half: dict[str, float] = field(default_factory=dict)
    empty_at_that_rate: dict[str, float] = field(default_factory=dict)
    reads: dict[str, dict[str, float]] = field(default_factory=dict)


def create_app() -> Any:
    """The API and the empty route; what uvicorn is given."""
    from typing import Annotated

    from fastapi import Depends

    from serving.app import create_app as create
    from serving.security import Principal, require_scope

    app = create()

    @app.get("/v1/empty")
    async def empty(_: Annotated[Principal, Depends(require_scope("quota:consume"))]) -> None:
        """Nothing."""

    # The last one would be found after all others, and be slower than it need be.
    app.router.routes.insert(0, app.router.routes.pop())
    return app


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


def make_customers(url: str) -> str:
    """Customers with room for everything, and a key without limits; the key."""
    from stores.postgres import api_keys
    from stores.postgres.client import connect

    with connect(url) as connection:
        connection.execute(
            "INSERT INTO subscription_plans (id, name, price, billing_interval, limits, features)"
            " VALUES (gen_random_uuid(), 'pro', 99, 'month',"
            " '{\"interviews\": 1000000000, \"storage\": 9000}', '[]')"
        )
        name = "('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid"
        connection.execute(
            f"INSERT INTO users (id, email, password_hash) SELECT {name}, n || '@example.org', '!'"
            " FROM generate_series(1, %s) AS n",
            [CUSTOMERS],
        )
        connection.execute(
            "INSERT INTO subscriptions (user_id, plan_id, status, current_period_start,"
            " current_period_end) SELECT users.id, plans.id, 'active', now(), now() + '30 days'"
            " FROM users, subscription_plans AS plans"
        )
        limits = api_keys.Limits(requests_per_minute=100_000_000)
        return api_keys.create(connection, "bench", api_keys.SCOPES, limits=limits)


@contextmanager
def api(home: Path) -> Iterator[tuple[str, int]]:
    """Its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (home / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "--factory", "serving_quota:create_app"),
                *("--host", "127.0.0.1", "--port", str(port), "--no-access-log"),
            ],
            env=os.environ
            | {"INTERVIEW_DATA_HOME": str(home), "PYTHONPATH": f"{REPOSITORY}/bench:{REPOSITORY}"},
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise click.ClickException((home / "api.log").read_text()) from None
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(30)


@dataclass(frozen=True)
class Bench:
    """The API at `url`."""

    url: str
    process_id: int
    key: str
    seconds: int
    rounds: int

    def wrk(self, kind: str, connections: int = CONNECTIONS, rate: float = 0) -> dict[str, float]:
        """What one run of wrk measured; `rate` is of all connections together."""
        customers = ACTIVE if kind == "consume" else CUSTOMERS
        done = subprocess.run(
            [
                *("wrk", "-t1", f"-c{connections}", f"-d{self.seconds}s", "--timeout", "10s"),
                *("-H", f"Authorization: Bearer {self.key}"),
                *("-s", str(REPOSITORY / "bench" / "quota_requests.lua"), self.url),
                *("--", kind, str(customers), str(rate / connections)),
            ],
            capture_output=True,
            text=True,
            timeout=self.seconds + 60,
            check=True,
        )
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        if found["failed"]:
            raise click.ClickException(f"{kind}: {found['failed']} requests failed")
        return found

    def cpu_seconds(self) -> float:
        """Of the API."""
        import psutil

        return float(sum(psutil.Process(self.process_id).cpu_times()[:2]))

    def share(self, result: Result) -> None:
        """Consume and the empty route in alternation, once the counters are there."""
        for _ in range(2):
            self.wrk("consume")
        for _ in range(self.rounds):
            for kind, rates in (
                ("empty", result.empty_per_second),
                ("consume", result.consume_per_second),
            ):
                before = self.cpu_seconds()
                found = self.wrk(kind)
                spent = (self.cpu_seconds() - before) * 1000 / found["requests"]
                result.api_cpu_ms.setdefault(kind, []).append(round(spent, 3))
                rates.append(round(found["requests"] / found["seconds"]))
        result.share_of_empty = round(
            statistics.median(result.consume_per_second)
            / statistics.median(result.empty_per_second),
            2,
        )

    def half(self, result: Result) -> None:
        """Consume at half of the most."""
        if not result.consume_per_second:
            found = self.wrk("consume")
            result.consume_per_second.append(round(found["requests"] / found["seconds"]))
        # A connection pauses after its answer, so it sends a little less than is asked.
        rate = statistics.median(result.consume_per_second) / 2
        result.at_half = self.wrk("consume", rate=rate)
        result.empty_at_that_rate = self.wrk("empty", rate=rate)

    def reads(self, result: Result) -> None:
        """Each kind at a tenth of what is possible, and as fast as eight clients ask."""
        for kind in ("entitlements", "usage", "accounts"):
            self.wrk(kind, 4)
            result.reads[kind] = self.wrk(kind, 4)


@click.command()
@click.option("--quick", is_flag=True, help="Fewer and shorter runs.")
@click.option("--part", "parts", multiple=True, type=click.Choice(["share", "half", "reads"]))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(quick: bool, parts: tuple[str, ...], as_json: bool) -> None:
    """Measure and print."""
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not installed: apt-get install wrk")
    home = Path(tempfile.mkdtemp(prefix="bench-serving-"))
    only = [argument for name in STORES for argument in ("--only", name)]
    interview_data(home, "up", "--detach", *only)
    try:
        environment = json.loads(interview_data(home, "env", "--json"))
        key = make_customers(environment["DATABASE_URL"])
        result = Result()
        with api(home) as (url, process_id):
            bench = Bench(url, process_id, key, 4 if quick else 10, 1 if quick else 3)
            for part in parts or ("share", "half", "reads"):
                if part == "reads":
                    from serving_rollups import make_rollups

                    make_rollups(environment["CLICKHOUSE_URL"], CUSTOMERS)
                getattr(bench, part)(result)
    finally:
        interview_data(home, "down")
        shutil.rmtree(home, ignore_errors=True)
    click.echo(json.dumps(asdict(result), indent=None if as_json else 2))


if __name__ == "__main__":
    main()
