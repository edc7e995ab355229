"""Usage to look at: the tables that serving reads, by dbt's contracts, with known rows.

Belongs here: making and filling them. The tables come from dbt's own contracts, so that a
renamed column fails the tests of serving too.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient
from fix_stack import RunningStack

from serving.app import create_app
from serving.dashboards.sessions import Sessions
from serving.queries.warehouse import Warehouse
from serving.security import Keyring
from stores.clickhouse.client import ClickHouseClient, connect
from stores.event_bus import connect_async
from stores.postgres import api_keys
from stores.postgres.client import connect as connect_postgres
from stores.redis_store.tokens import dashboard_sessions, temporary_tokens
from stores.settings import REPOSITORY

MODELS = REPOSITORY / "dbt" / "warehouse" / "models"
READ = {
    "rollups": (
        "rollup_user_activity_daily",
        "rollup_usage_daily",
        "rollup_usage_monthly",
        "rollup_freshness",
        "rollup_ai_cost_daily",
        "rollup_api_health_hourly",
    ),
    "marts": (
        "dim_users",
        "dim_subscriptions",
        "dim_subscription_plans",
        "fct_candidate_sessions",
    ),
}

ALPHA = UUID("aaaaaaaa-0000-4000-8000-000000000001")
BETA = UUID("bbbbbbbb-0000-4000-8000-000000000002")
GAMMA = UUID("cccccccc-0000-4000-8000-000000000003")
NOBODY = UUID(int=0)
STARTER = UUID(int=101)
TEAM = UUID(int=102)


def _contract(database: str, table: str) -> str:
    for file in sorted((MODELS / database).rglob("*.yml")):
        for model in yaml.safe_load(file.read_text()).get("models", []):
            if model["name"] == table:
                columns = [f"{item['name']} {item['data_type']}" for item in model["columns"]]
                return ", ".join(columns)
    raise AssertionError(f"dbt has no contract for {database}.{table}")


@dataclass
class UsageTables:
    """The tables that serving reads, and ways to fill them."""

    client: ClickHouseClient
    today: date = field(default_factory=lambda: datetime.now(UTC).date())

    def create(self) -> None:
        """Empty tables."""
        self.drop()
        for database, tables in READ.items():
            self.client.command(f"CREATE DATABASE {database} ENGINE = Atomic")
            for table in tables:
                self.client.command(
                    f"CREATE TABLE {database}.{table} ({_contract(database, table)})"
                    " ENGINE = MergeTree ORDER BY tuple()"
                )

    def drop(self) -> None:
        """None at all, as before dbt's first run."""
        for database in READ:
            self.client.command(f"DROP DATABASE IF EXISTS {database} SYNC")

    def day(self, days_ago: int) -> date:
        """So many days before today."""
        return self.today - timedelta(days_ago)

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Rows by column name; what is not named has its type's default."""
        names = list(rows[0])
        self.client.insert(table, [[row[n] for n in names] for row in rows], column_names=names)

    def use(self, *entries: tuple[UUID, date, str, int]) -> None:
        """Who used how much of what, and when."""
        names = ("user_id", "date", "resource_type", "used_count")
        rows = [dict(zip(names, entry, strict=True)) for entry in entries]
        self.insert("rollups.rollup_usage_daily", rows)

    def freshness(self, data_until: datetime, refreshed_at: datetime) -> None:
        """The same for every source."""
        self.client.command("TRUNCATE TABLE rollups.rollup_freshness")
        names = ("user_events", "usage_tracking", "candidate_sessions")
        self.insert(
            "rollups.rollup_freshness",
            [
                {"name": name, "data_until": data_until, "refreshed_at": refreshed_at}
                for name in names
            ],
        )

    def clear(self) -> None:
        """Empty tables again; made anew where a test took one away."""
        found = self.client.query(
            "SELECT count() FROM system.tables WHERE database IN {databases:Array(String)}",
            {"databases": list(READ)},
        )
        if found.result_rows[0][0] != sum(len(tables) for tables in READ.values()):
            self.create()
            return
        for database, tables in READ.items():
            for table in tables:
                self.client.command(f"TRUNCATE TABLE {database}.{table}")

    def fill(self) -> None:
        """Three customers: one over a limit, one without limits, one who uses nothing."""
        now = datetime.now(UTC)
        self.freshness(now, now)
        users = [(ALPHA, "Alpha GmbH", "starter"), (BETA, "<b>Beta</b>", "team")]
        users.append((GAMMA, None, "starter"))
        self.insert(
            "marts.dim_users",
            [{"user_id": u, "company_name": c, "plan_name": p} for u, c, p in users],
        )
        self.insert(
            "marts.dim_subscription_plans",
            [_plan(STARTER, "starter", 10, 30, 512), _plan(TEAM, "team", None, None, None)],
        )
        self.insert(
            "marts.dim_subscriptions",
            [_subscription(ALPHA, STARTER, now), _subscription(GAMMA, STARTER, now)],
        )
        self.insert(
            "rollups.rollup_user_activity_daily",
            [
                _events(ALPHA, self.day(0), 5),
                _events(ALPHA, self.day(1), 30),
                _events(BETA, self.day(1), 10),
                _events(BETA, self.day(2), 20, "report_viewed"),
                _events(NOBODY, self.day(1), 7),
                _events(ALPHA, self.day(30), 40),
            ],
        )
        self.use(
            (ALPHA, self.today, "interviews", 12),
            (ALPHA, self.today, "storage", 1536),
            (BETA, self.today, "interviews", 100),
        )
        self.insert(
            "rollups.rollup_usage_monthly",
            [
                monthly(ALPHA, self.today, "interviews", 12, limit=10, plan="starter"),
                monthly(ALPHA, self.today, "storage", 1536, limit=512, plan="starter"),
                monthly(BETA, self.today, "interviews", 100, limit=None, plan="team"),
            ],
        )
        self.insert("marts.fct_candidate_sessions", [_session(ALPHA, self.day(1))])


def _events(user_id: UUID, day: date, count: int, event_type: str = "page_view") -> dict[str, Any]:
    return {"date": day, "user_id": user_id, "event_type": event_type, "event_count": count}


def monthly(
    user_id: UUID, day: date, resource_type: str, used: int, *, limit: int | None, plan: str
) -> dict[str, Any]:
    """What the month of `day` comes to."""
    return {
        "month": day.replace(day=1),
        "user_id": user_id,
        "resource_type": resource_type,
        "used_count": used,
        "plan_name": plan,
        "limit_count": limit,
        "overage_count": max(0, used - limit) if limit is not None else 0,
    }


def _plan(
    plan_id: UUID, name: str, interviews: int | None, analysis: int | None, storage: int | None
) -> dict[str, Any]:
    return {
        "plan_id": plan_id,
        "plan_name": name,
        "interviews_limit_count": interviews,
        "analysis_limit_count": analysis,
        "storage_limit_mebibytes": storage,
    }


def _subscription(user_id: UUID, plan_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "subscription_id": user_id,
        "user_id": user_id,
        "plan_id": plan_id,
        "subscription_status": "active",
        "current_period_start": now - timedelta(days=200),
        "current_period_end": now + timedelta(days=20),
    }


def _session(user_id: UUID, day: date) -> dict[str, Any]:
    moment = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return {
        "session_id": UUID(int=1),
        "user_id": user_id,
        "is_completed": True,
        "started_at": moment,
        "completed_at": moment + timedelta(minutes=40),
    }


@dataclass
class UsageSite:
    """The API over the session's stores, in a database of its own, and what it reads."""

    app: FastAPI
    tables: UsageTables
    database_url: str
    warehouse: Warehouse

    def make_key(self, name: str, scopes: Sequence[str]) -> str:
        """An API key; the former one of that name no longer works."""
        with connect_postgres(self.database_url, autocommit=True) as connection:
            return api_keys.create(connection, name, scopes)


@pytest.fixture(scope="module")
def usage_site(session_stack: RunningStack, _template: str) -> Iterator[UsageSite]:
    """One for all tests of a module: to make one takes longer than most of them."""
    values = session_stack.environment
    with own_database(values["DATABASE_URL"], _template) as database_url:
        tables = UsageTables(connect(values["CLICKHOUSE_URL"]))
        tables.create()
        warehouse = Warehouse(values["CLICKHOUSE_URL"], lately_seconds=0)
        app = create_app(
            publisher=connect_async(values["EVENT_BUS_URL"]),
            keyring=Keyring(partial(_verify, database_url)),
        )
        app.state.dashboard_sessions = Sessions(
            dashboard_sessions(values["REDIS_URL"]),
            temporary_tokens(values["REDIS_URL"]),
            partial(_find, database_url),
        )
        yield UsageSite(app, tables, database_url, warehouse)
        warehouse.close()
        # So that dbt builds its own anew.
        tables.drop()


@contextmanager
def own_database(server: str, template: str) -> Iterator[str]:
    """A migrated database that is gone afterwards."""
    name = f"usage_{time.monotonic_ns()}"
    with connect_postgres(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with connect_postgres(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _verify(database_url: str, key: str) -> api_keys.ApiKey | None:
    with connect_postgres(database_url, autocommit=True) as connection:
        return api_keys.verify(connection, key)


def _find(database_url: str, identity: UUID) -> api_keys.ApiKey | None:
    with connect_postgres(database_url, autocommit=True) as connection:
        return api_keys.find(connection, identity)


@pytest.fixture
def usage_tables(usage_site: UsageSite) -> UsageTables:
    """The tables that serving reads, empty."""
    usage_site.tables.clear()
    return usage_site.tables


@pytest.fixture
def usage_client(usage_site: UsageSite) -> Iterator[TestClient]:
    """A browser or a script, without cookies."""
    usage_site.app.state.warehouse = usage_site.warehouse
    client = TestClient(usage_site.app, follow_redirects=False)
    yield client
    client.close()


@pytest.fixture
def usage_key(usage_site: UsageSite) -> str:
    """An API key that may read usage, and nothing else."""
    return usage_site.make_key("reader", ["usage:read"])
