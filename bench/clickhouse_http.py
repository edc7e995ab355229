"""What the ClickHouse endpoint costs over chDB inside one's own process.

The same client (clickhouse-connect) reads and inserts a million rows of nine columns, once over
HTTP from the endpoint and once through its own in-process chDB backend, in alternation, so that
whatever else the machine does falls on both. Reported are medians and the endpoint's speed as a
share of the in-process speed; the aim is 70 %.

    .venv/bin/python bench/clickhouse_http.py [--rows 1000000] [--rounds 5] [--json]
"""

import json
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

REPOSITORY = Path(__file__).resolve().parent.parent
CONFIGURATION = REPOSITORY / "stores" / "clickhouse" / "config.xml"
AIM = 0.7
COLUMNS = """
    number AS id, generateUUIDv4() AS event_id, toString(number) AS text,
    toDateTime64('2026-11-01', 3, 'UTC') + number AS at, number / 3 AS value,
    toUInt32(number % 1000) AS kind, toLowCardinality(toString(number % 10)) AS name,
    toDate('2026-01-01') + number % 100 AS day, number % 2 = 0 AS is_even
"""
SCHEMA = (
    "CREATE OR REPLACE TABLE bench.source ENGINE = MergeTree ORDER BY id"
    " AS SELECT {columns} FROM numbers({rows})"
)


def start_endpoint(folder: Path) -> tuple["subprocess.Popen[bytes]", str]:
    """The endpoint on a port of its own, and its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = secrets.token_urlsafe(16)
    (folder / "password").write_text(password)
    argv = [sys.executable, "-m", "stores.local.clickhouse_http", "--path", str(folder / "data")]
    argv += ["--port", str(port), "--config-file", str(CONFIGURATION)]
    argv += ["--password-file", str(folder / "password")]
    process = subprocess.Popen(argv, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    return process, f"clickhouse://default:{password}@127.0.0.1:{port}/default"


def connect(url: str) -> Any:
    """A client, once the endpoint answers."""
    import clickhouse_connect

    deadline = time.monotonic() + 30
    while True:
        try:
            return clickhouse_connect.get_client(dsn=url, compress=False)
        except clickhouse_connect.driver.exceptions.Error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def connect_in_process(folder: Path) -> Any:
    """The same client over chDB in this process."""
    import clickhouse_connect

    return clickhouse_connect.get_client(interface="chdb", path=str(folder / "in_process"))


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def works(client: Any, data: bytes) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    return {
        "read, Native bytes": lambda: client.raw_query("SELECT * FROM bench.source", fmt="Native"),
        "read, Arrow table": lambda: client.query_arrow("SELECT * FROM bench.source"),
        "read, Python columns": lambda: client.query("SELECT * FROM bench.source").result_columns,
        "insert, Native bytes": lambda: client.raw_insert(
            "bench.target", insert_block=data, fmt="Native"
        ),
    }


def measure(clients: dict[str, Any], rows: int, rounds: int) -> list[dict[str, Any]]:
    """Medians of alternating runs."""
    for client in clients.values():
        client.command("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic")
        client.command(SCHEMA.format(columns=COLUMNS, rows=rows))
    data = clients["in process"].raw_query("SELECT * FROM bench.source", fmt="Native")
    todo = {name: works(client, data) for name, client in clients.items()}
    results = []
    for work in todo["over HTTP"]:
        times: dict[str, list[float]] = {name: [] for name in clients}
        for round_number in range(rounds + 1):
            for name, client in clients.items():
                client.command("CREATE OR REPLACE TABLE bench.target AS bench.source")
                took = seconds(todo[name][work])
                if round_number:
                    times[name].append(took)
                check(client, work, rows)
        medians = {name: statistics.median(values) for name, values in times.items()}
        share = medians["in process"] / medians["over HTTP"]
        results.append({"work": work, "rows": rows, **medians, "share": share})
    return results


def check(client: Any, work: str, rows: int) -> None:
    """A fast insert that loses rows is worth nothing."""
    if work.startswith("insert"):
        found = client.command("SELECT count() FROM bench.target")
        assert int(found) == rows, f"{found} rows arrived, not {rows}"


@click.command()
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def main(rows: int, rounds: int, as_json: bool) -> None:
    """Measure the endpoint against chDB in this process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Started before chDB is loaded here: a process that holds it must not fork.
        process, url = start_endpoint(folder)
        try:
            clients = {"over HTTP": connect(url), "in process": connect_in_process(folder)}
            results = measure(clients, rows, rounds)
        finally:
            process.terminate()
            process.wait(30)
    if as_json:
        click.echo(json.dumps(results, indent=1))
        return
    click.echo(f"{'work':24}{'in process':>12}{'over HTTP':>12}{'share':>9}")
    for result in results:
        times = f"{result['in process']:11.3f}s{result['over HTTP']:11.3f}s"
        mark = "" if result["share"] >= AIM else f"  below the aim of {AIM:.0%}"
        click.echo(f"{result['work']:24}{times}{result['share']:>9.0%}{mark}")


if __name__ == "__main__":
    main()
