"""What the warehouse costs: full builds, builds of nothing new and of one percent more.

A stack of its own with a year of events made inside ClickHouse, few users doing most of them, and
captured rows beside them as in the demo of a year. Seconds are those of dbt building the models
(without its start); rows, memory and CPU of each model are from system.query_log, where dbt's
comment names the model. `queries` asks what the dashboard asks of rollups, and the same of the
events.

    .venv/bin/python -m bench.warehouse all --events 1000000
    .venv/bin/python -m bench.warehouse load --events 50000000 --home DIR   # then, one by one:
    .venv/bin/python -m bench.warehouse builds|queries --home DIR
    .venv/bin/python -m bench.warehouse stop --home DIR
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from bench.capture_stack import REPOSITORY, environment
from bench.warehouse_data import fill, parts
from stores.clickhouse.client import ClickHouseClient, connect

ROUNDS = 20
TIMEOUT_SECONDS = 1_800
QUERIES = REPOSITORY / "serving" / "queries"
_USED = """
SELECT
    extract(query, '"node_id": "[a-z_]+\\\\.warehouse\\\\.([a-z0-9_]+)') AS model,
    sum(read_rows) AS rows_read,
    max(memory_usage) AS memory_bytes,
    sum(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']) / 1e6
        AS cpu_seconds,
    sum(query_duration_ms) / 1e3 AS seconds
FROM system.query_log
WHERE type != 'QueryStart' AND event_time_microseconds >= {since:DateTime64(6, 'UTC')}
    AND query LIKE '%"app": "dbt"%'
GROUP BY model
ORDER BY rows_read DESC
"""
# The same question asked of what was landed: each rollup as a query over it.
_RAW = {
    "rollups.rollup_user_activity_daily": """(
        SELECT date, user_id, event_type, count() AS event_count
        FROM analytics.user_events GROUP BY date, user_id, event_type)""",
    "rollups.rollup_usage_daily": """(
        SELECT date, user_id, resource_type, sum(used_count) AS used_count
        FROM marts.fct_usage GROUP BY date, user_id, resource_type)""",
    "rollups.rollup_usage_monthly": "staging.int_usage__monthly_with_limits",
}


@dataclass
class Warehouse:
    """The stack of one measurement."""

    home: Path

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "interview_data", *arguments],
            env=environment(self.home),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr)[-3000:]
            raise click.ClickException(f"{' '.join(arguments)}: {said}")
        return done.stdout

    def client(self) -> ClickHouseClient:
        url = json.loads(self.command("env", "--json"))["CLICKHOUSE_URL"]
        return connect(url, send_receive_timeout=TIMEOUT_SECONDS)

    def build(self, *options: str) -> float:
        """Seconds that dbt took for all rollups and what they need."""
        chosen = ("build", "--select", "+rollups", "--exclude-resource-types", "test", "unit_test")
        said = self.command("dbt", "warehouse", *chosen, *options)
        (seconds,) = re.findall(r"in (?:.*?)\(?([0-9.]+)s\)", said)[-1:]
        return float(seconds)


def _measured(warehouse: Warehouse, what: str, *options: str) -> dict[str, Any]:
    """One build: seconds in all, and what each model took."""
    client = warehouse.client()
    since = client.query("SELECT toString(now64(6, 'UTC'))").result_rows[0][0]
    seconds = warehouse.build(*options)
    client.command("SYSTEM FLUSH LOGS")
    models = [
        {
            "model": model,
            "rows_read": rows,
            "memory_mib": round(memory / (1 << 20), 1),
            "cpu_seconds": round(cpu, 3),
            "seconds": round(took, 3),
        }
        for model, rows, memory, cpu, took in client.query(_USED, {"since": since}).result_rows
    ]
    found = {
        "build": what,
        "seconds": seconds,
        "rows_read": sum(model["rows_read"] for model in models),
        "cpu_seconds": round(sum(model["cpu_seconds"] for model in models), 2),
        "memory_mib": max(model["memory_mib"] for model in models),
        "models": models,
    }
    click.echo(json.dumps({key: found[key] for key in found if key != "models"}), err=True)
    return found


def load(warehouse: Warehouse, events: int) -> dict[str, Any]:
    """The history. Captured tables are made by a capture of empty ones."""
    warehouse.home.mkdir(parents=True, exist_ok=True)
    warehouse.command("up", "--detach", "--only", "postgres", "--only", "clickhouse")
    warehouse.command("cdc", "run")
    client, started = warehouse.client(), time.monotonic()
    history, _ = parts(events)
    fill(client, history, _users(events))
    (warehouse.home / "events").write_text(str(events))
    return {"events": events, "loading_seconds": round(time.monotonic() - started, 1)}


def _users(events: int) -> int:
    return max(100, events // 2_000)


def builds(warehouse: Warehouse, events: int) -> list[dict[str, Any]]:
    """From nothing, of nothing new, of one percent more, of one late event."""
    found = [_measured(warehouse, "full", "--full-refresh"), _measured(warehouse, "nothing new")]
    client = warehouse.client()
    _, new = parts(events)
    fill(client, new, _users(events))
    found.append(_measured(warehouse, "one percent more"))
    client.command(
        "INSERT INTO analytics.user_events (event_id, user_id, event_type, timestamp)"
        " SELECT generateUUIDv4(), user_id, 'page_view', now64(3) - toIntervalDay(100)"
        " FROM analytics.user_events LIMIT 1"
    )
    found.append(_measured(warehouse, "one late event"))
    return found


def queries(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Every query of the dashboard that reads a rollup: of it, and of what was landed."""
    client, found = warehouse.client(), []
    values = _parameters(client)
    for path in sorted(QUERIES.glob("*.sql")):
        sql = path.read_text()
        if "rollups." not in sql:
            continue
        used = {name: values[name] for name in re.findall(r"\{(\w+):", sql)}
        if "IN {user_ids:" in sql:
            used["user_ids"] = values["page_of_user_ids"]
        raw = sql
        for rollup, query in _RAW.items():
            raw = raw.replace(rollup, query)
        ours = _times(lambda sql=sql, used=used: client.query(sql, used), ROUNDS)  # type: ignore[misc]
        entry = {"query": path.stem, "p50_ms": ours[0], "p95_ms": ours[1]}
        if raw != sql:
            theirs = _times(lambda raw=raw, used=used: client.query(raw, used), 3)  # type: ignore[misc]
            entry |= {"of_events_p50_ms": theirs[0], "ratio": round(theirs[0] / ours[0], 1)}
        click.echo(json.dumps(entry), err=True)
        found.append(entry)
    return found


def _times(ask: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds, after one to warm up."""
    ask()
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        ask()
        took.append((time.perf_counter() - started) * 1_000)
    took.sort()
    return round(statistics.median(took), 1), round(took[max(0, int(len(took) * 0.95) - 1)], 1)


def _parameters(client: ClickHouseClient) -> dict[str, Any]:
    today = date.fromisoformat(str(client.query("SELECT toString(today())").result_rows[0][0]))
    busiest = client.query(
        "SELECT user_id FROM rollups.rollup_usage_monthly ORDER BY used_count DESC LIMIT 1"
    ).result_rows[0][0]
    page = client.query(
        "SELECT DISTINCT user_id FROM rollups.rollup_usage_monthly ORDER BY user_id LIMIT 50"
    )
    return {
        "page_of_user_ids": [str(row[0]) for row in page.result_rows],
        "first_day": today - timedelta(29),
        "last_day": today,
        "complete_day": today - timedelta(1),
        "compared_first_day": today - timedelta(59),
        "compared_last_day": today - timedelta(31),
        "user_ids": [],
        "plan_name": "",
        "row_limit": 10,
        "sort": "limit_share",
        "user_id": str(busiest),
        "month": today.replace(day=1),
        # A first page of what the API answers, of everything.
        "resource": "",
        "limit": 51,
        "date_from": date(1970, 1, 1),
        "date_until": date(2299, 12, 31),
        "hour_from": 0,
        "hour_until": 2**32 - 1,
        "server_errors_from": 0,
        "model_name": "",
        "service_name": "",
        "is_of_one": False,
        "event_type": "page_view",
        "is_after": False,
        "after_user_id": "00000000-0000-0000-0000-000000000000",
        "after_resource": "",
        "after_date": date(1970, 1, 1),
        "after_hour": 0,
        **dict.fromkeys(
            (
                *("after_model_name", "after_model_version", "after_endpoint", "after_method"),
                "after_service_name",
            ),
            "",
        ),
    }


@click.command()
@click.argument("part", type=click.Choice(["all", "load", "builds", "queries", "stop"]))
@click.option("--events", default=1_000_000, show_default=True)
@click.option("--home", type=click.Path(path_type=Path), help="A home to keep between parts.")
def main(part: str, events: int, home: Path | None) -> None:
    """Print JSON; see bench/RESULTS.md for what it means."""
    if part == "all":
        with tempfile.TemporaryDirectory(prefix="bench-warehouse-") as folder:
            Path(folder).chmod(0o755)
            warehouse = Warehouse(Path(folder) / "home")
            try:
                found: dict[str, Any] = load(warehouse, events)
                found |= {"builds": builds(warehouse, events), "queries": queries(warehouse)}
            finally:
                warehouse.command("down")
    elif home is None:
        raise click.BadParameter("is needed for a part alone", param_hint="--home")
    elif part == "load":
        found = load(Warehouse(home), events)
    elif part == "stop":
        found = {"stopped": Warehouse(home).command("down").strip()}
    else:
        known = int((home / "events").read_text())
        done = builds(Warehouse(home), known) if part == "builds" else queries(Warehouse(home))
        found = {"events": known, part: done}
    click.echo(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
