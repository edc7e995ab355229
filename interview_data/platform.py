"""The platform's own processes beside the stores, each by its command line.

Belongs here: what runs, with what it needs and how it is asked whether it answers.
Nothing of them is imported: they are processes like the stores.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace

from stores.local.home import Home
from stores.local.service import Service, check_tcp
from stores.settings import REPOSITORY, inherited_environment

APPLICATIONS = (
    "change-capture",
    "event-writer",
    "search-indexer",
    "webhook-sender",
    "api",
    "dagster",
)


def application_services(
    home: Home, ports: Mapping[str, int], names: Iterable[str]
) -> list[Service]:
    """Those of APPLICATIONS that are among `names`."""
    env = inherited_environment(home.path)
    made = {
        "change-capture": _capture(home, env, ports.get("change-capture")),
        "event-writer": _follower(home, env, "event-writer", ("events", "consume", "--follow")),
    }
    made["search-indexer"] = Service(
        name="search-indexer",
        argv=(sys.executable, "-m", "stores.search.indexer"),
        env=env,
        log_file=home.log_file("search-indexer"),
        depends_on=("postgres", "search"),
        steady_seconds=3,
        cwd=REPOSITORY,
    )
    made["webhook-sender"] = replace(
        _follower(home, env, "webhook-sender", ("webhooks", "deliver", "--follow")),
        depends_on=("postgres",),
    )
    if port := ports.get("api"):
        made["api"] = _api(home, env, port)
    if port := ports.get("dagster"):
        made["dagster"] = _dagster(home, env, port)
    return [made[name] for name in APPLICATIONS if name in set(names)]


def _capture(home: Home, env: Mapping[str, str], port: int | None) -> Service:
    """It says what it does for Prometheus under `port`, or the next one that is free."""
    command: tuple[str, ...] = ("cdc", "run", "--follow")
    if port is None:
        return _follower(home, env, "change-capture", command)
    service = _follower(home, env, "change-capture", (*command, "--metrics-port", str(port)))
    return replace(service, url=f"http://127.0.0.1:{port}/metrics")


def _follower(home: Home, env: Mapping[str, str], name: str, command: tuple[str, ...]) -> Service:
    return Service(
        name=name,
        argv=(sys.executable, "-m", "interview_data", *command),
        env=env,
        log_file=home.log_file(name),
        depends_on=("postgres", "clickhouse", "event-bus"),
        # Long enough to have loaded everything and to have met its stores.
        steady_seconds=3,
        cwd=REPOSITORY,
    )


def _api(home: Home, env: Mapping[str, str], port: int) -> Service:
    # No access log: it would hold ids and one-time tokens; the API measures itself instead.
    listen = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log")
    # More connections than this are answered 503 at once, before they cost memory.
    limits = ("--limit-concurrency", "1000", "--backlog", "1024")
    return Service(
        name="api",
        argv=(
            *(sys.executable, "-m", "uvicorn", "--factory", "serving.app:create_app"),
            *listen,
            *limits,
        ),
        env=env,
        log_file=home.log_file("api"),
        # Not /healthz: the API measures itself, and every request becomes a row.
        check=lambda: check_tcp(port),
        depends_on=("postgres", "clickhouse", "event-bus", "redis"),
        port=port,
        url=f"http://127.0.0.1:{port}",
        cwd=REPOSITORY,
    )


def _dagster(home: Home, env: Mapping[str, str], port: int) -> Service:
    return Service(
        name="dagster",
        argv=(sys.executable, "-m", "orchestration.serve", "--port", str(port)),
        env=env,
        log_file=home.log_file("dagster"),
        check=lambda: check_tcp(port),
        depends_on=("postgres", "clickhouse"),
        data_folder=home.path / "dagster",
        port=port,
        url=f"http://127.0.0.1:{port}",
        cwd=REPOSITORY,
        is_started_at_once=True,
        start_seconds=240,
        # It waits for the runs in progress, which a stop cannot: they are asked to end too.
        is_stopped_with_children=True,
    )
