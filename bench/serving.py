"""Cached interviews beside an empty route, and one second without ClickHouse.

Starts stores of its own in a temporary home, the API under uvicorn with one worker, and the watch
that keeps the cache fresh. wrk sends from the same machine.

* share: `GET /v1/interviews/{id}` of one of the interviews at random, all cached, against an empty
  route that checks the key as the others do; runs of both alternate, the share is between medians.
* at half: the interviews again, at half of that many requests a second, with random pauses; then
  the empty route at the same rate, for what the machine itself takes.
* outage: usage is read at a steady rate while ClickHouse hangs for a second, then while it is
  killed and started again: how many were not answered 200, and when the last one was.

    .venv/bin/python bench/serving.py [--quick] [--part share|half|outage] [--json]
"""

import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from serving_quota import CONNECTIONS, STORES, api, interview_data, make_customers

REPOSITORY = Path(__file__).resolve().parent.parent
INTERVIEWS = 1_000
READS_PER_SECOND = 50
OUTAGE_SECONDS = 1.0


@dataclass
class Result:
    """What was measured. Rates are requests per second."""

    empty_per_second: list[int] = field(default_factory=list)
    interviews_per_second: list[int] = field(default_factory=list)
    share_of_empty: float = 0.0
    at_half: dict[str, float] = field(default_factory=dict)
    empty_at_that_rate: dict[str, float] = field(default_factory=dict)
    outage: dict[str, dict[str, float]] = field(default_factory=dict)


def make_interviews(url: str) -> None:
    """With five questions each."""
    from stores.postgres.client import connect

    with connect(url) as connection:
        name = "('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid"
        connection.execute(
            f"INSERT INTO interviews (id, title, created_by, status) SELECT {name}, 'Number ' || n,"
            " '00000000-0000-4000-8000-000000000001', 'active' FROM generate_series(1, %s) AS n",
            [INTERVIEWS],
        )
        connection.execute(
            "INSERT INTO questions (interview_id, text, type, order_index)"
            " SELECT interviews.id, 'What would you do in your first week? ' || n, 'video', n"
            " FROM interviews, generate_series(1, 5) AS n"
        )


@dataclass(frozen=True)
class Bench:
    """The API at `url`."""

    url: str
    key: str
    home: Path
    seconds: int
    rounds: int

    def wrk(self, kind: str, rate: float = 0) -> dict[str, float]:
        """What one run of wrk measured; `rate` is of all connections together."""
        done = subprocess.run(
            [
                *("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{self.seconds}s", "--timeout", "10s"),
                *("-H", f"Authorization: Bearer {self.key}"),
                *("-s", str(REPOSITORY / "bench" / "interview_requests.lua"), self.url),
                *("--", kind, str(INTERVIEWS), str(rate / CONNECTIONS)),
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

    def share(self, result: Result) -> None:
        """Interviews and the empty route in alternation."""
        self.wrk("interviews")
        rates = {"empty": result.empty_per_second, "interviews": result.interviews_per_second}
        for _ in range(self.rounds):
            for kind, found in rates.items():
                ran = self.wrk(kind)
                found.append(round(ran["requests"] / ran["seconds"]))
        medians = {kind: statistics.median(found) for kind, found in rates.items()}
        result.share_of_empty = round(medians["interviews"] / medians["empty"], 2)

    def half(self, result: Result) -> None:
        """Interviews at half of the most."""
        if not result.interviews_per_second:
            found = self.wrk("interviews")
            result.interviews_per_second.append(round(found["requests"] / found["seconds"]))
        rate = statistics.median(result.interviews_per_second) / 2
        result.at_half = self.wrk("interviews", rate=rate)
        result.empty_at_that_rate = self.wrk("empty", rate=rate)

    def outage(self, result: Result) -> None:
        """ClickHouse hangs for a second; then it is killed."""
        from serving_rollups import make_rollups

        make_rollups(json.loads(interview_data(self.home, "env", "--json"))["CLICKHOUSE_URL"], 100)

        def hang(pid: int) -> None:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(OUTAGE_SECONDS)
            os.kill(pid, signal.SIGCONT)

        for name, end in (("hangs", hang), ("is killed", lambda pid: os.kill(pid, 9))):
            status = json.loads(interview_data(self.home, "status", "--json"))
            [pid] = [each["pid"] for each in status["services"] if each["name"] == "clickhouse"]
            result.outage[name] = asyncio.run(self._read_through(end, pid))

    async def _read_through(self, end: Any, pid: int) -> dict[str, float]:
        import httpx

        seen: list[tuple[float, int, float]] = []
        headers = {"Authorization": f"Bearer {self.key}"}
        path = "/v1/usage/00000000-0000-4000-8000-000000000001"
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30) as client:

            async def read() -> None:
                at = time.monotonic()
                status = (await client.get(path)).status_code
                seen.append((at, status, time.monotonic() - at))

            began, tasks = 0.0, []
            for number in range(READS_PER_SECOND * 15):
                if number == READS_PER_SECOND * 3:
                    began = time.monotonic()
                    threading.Thread(target=end, args=(pid,)).start()
                tasks.append(asyncio.create_task(read()))
                await asyncio.sleep(1 / READS_PER_SECOND)
            await asyncio.gather(*tasks)
        failed = [at + took for at, status, took in seen if status != 200]
        return {
            "requests": len(seen),
            "not_200": len(failed),
            "last_failure_after_seconds": round(max(failed) - began, 2) if failed else 0.0,
            "longest_ms": round(max(took for _, _, took in seen) * 1000),
        }


def wait_watched(url: str) -> None:
    """Until the cache counts."""
    from stores.redis_store import keys
    from stores.redis_store.client import connect

    deadline = time.monotonic() + 30
    with connect(keys.Database.CACHE, url) as client:
        while not client.exists(keys.INTERVIEWS_WATCHED_KEY):
            if time.monotonic() > deadline:
                raise click.ClickException("nobody watches the cache")
            time.sleep(0.1)


@click.command()
@click.option("--quick", is_flag=True, help="Fewer and shorter runs.")
@click.option("--part", "parts", multiple=True, type=click.Choice(["share", "half", "outage"]))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(quick: bool, parts: tuple[str, ...], as_json: bool) -> None:
    """Measure and print."""
    from ingestion.interview_cache import InterviewCacheWatch

    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not installed: apt-get install wrk")
    home = Path(tempfile.mkdtemp(prefix="bench-serving-"))
    only = [argument for name in STORES for argument in ("--only", name)]
    interview_data(home, "up", "--detach", *only)
    stop = threading.Event()
    try:
        environment = json.loads(interview_data(home, "env", "--json"))
        key = make_customers(environment["DATABASE_URL"])
        make_interviews(environment["DATABASE_URL"])
        watch = InterviewCacheWatch(stop, environment["DATABASE_URL"], environment["REDIS_URL"])
        watch.start()
        result = Result()
        with api(home) as (url, _):
            wait_watched(environment["REDIS_URL"])
            bench = Bench(url, key, home, 4 if quick else 10, 1 if quick else 3)
            for part in parts or ("share", "half", "outage"):
                getattr(bench, part)(result)
    finally:
        stop.set()
        interview_data(home, "down")
        shutil.rmtree(home, ignore_errors=True)
    click.echo(json.dumps(asdict(result), indent=None if as_json else 2))


if __name__ == "__main__":
    main()
