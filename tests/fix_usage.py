"""Usage to look at: the tables that serving reads, by dbt's contracts, with known rows.

Belongs here: making and filling them. The tables come from dbt's own contracts, so that a
renamed column fails the tests of serving too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import yaml
from fastapi.testclient import TestClient

from serving.app import create_app
from stores.clickhouse.client import ClickHouseClient, connect
from stores.postgres import api_keys
from stores.postgres.client import connect as connect_postgres
from stores.settings import REPOSITORY

MODELS = REPOSITORY / "dbt" / "warehouse" / "models"
READ = {
    "rollups": (
        "rollup_user_activity_daily",
        "rollup_usage_daily",
        "rollup_usage_monthly",
        "rollup_freshness",
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

    def events(self, user_id: UUID, day: date, count: int, event_type: str = "page_view") -> None:
        """So many events of one user on one day."""
        row = {"date": day, "user_id": user_id, "event_type": event_type, "event_count": count}
        self.insert("rollups.rollup_user_activity_daily", [row])

    def use(self, user_id: UUID, day: date, resource_type: str, count: int) -> None:
        """So much of a resource on one day."""
        row = {"date": day, "user_id": user_id, "resource_type": resource_type}
        self.insert("rollups.rollup_usage_daily", [row | {"used_count": count}])

    def month(
        self,
        user_id: UUID,
        resource_type: str,
        used: int,
        limit: int | None,
        *,
        plan: str,
        month: date | None = None,
    ) -> None:
        """What the month comes to."""
        row = {
            "month": month or self.today.replace(day=1),
            "user_id": user_id,
            "resource_type": resource_type,
            "used_count": used,
            "plan_name": plan,
            "limit_count": limit,
            "overage_count": max(0, used - limit) if limit is not None else 0,
        }
        self.insert("rollups.rollup_usage_monthly", [row])

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
        self.events(ALPHA, self.day(0), 5)
        self.events(ALPHA, self.day(1), 30)
        self.events(BETA, self.day(1), 10)
        self.events(BETA, self.day(2), 20, "report_viewed")
        self.events(NOBODY, self.day(1), 7, "page_view")
        self.events(ALPHA, self.day(30), 40)
        self.use(ALPHA, self.today, "interviews", 12)
        self.use(ALPHA, self.today, "storage", 1536)
        self.use(BETA, self.today, "interviews", 100)
        self.month(ALPHA, "interviews", 12, 10, plan="starter")
        self.month(ALPHA, "storage", 1536, 512, plan="starter")
        self.month(BETA, "interviews", 100, None, plan="team")
        self.insert("marts.fct_candidate_sessions", [_session(ALPHA, self.day(1))])


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


@pytest.fixture
def usage_tables(clickhouse_url: str) -> Iterator[UsageTables]:
    """The tables, empty; gone afterwards, so that dbt builds its own anew."""
    tables = UsageTables(connect(clickhouse_url))
    tables.create()
    yield tables
    tables.drop()


@pytest.fixture
def usage_client(
    usage_tables: UsageTables, postgres_url: str, redis_url: str, event_bus_url: str
) -> Iterator[TestClient]:
    """The API over the session's stores, asking the tables of `usage_tables`."""
    with TestClient(create_app(), follow_redirects=False) as client:
        yield client


@pytest.fixture
def usage_key(postgres_url: str) -> str:
    """An API key that may read usage, and nothing else."""
    return make_key("reader", ["usage:read"])


def make_key(name: str, scopes: Sequence[str]) -> str:
    """A key in the test's own database."""
    with connect_postgres(autocommit=True) as connection:
        return api_keys.create(connection, name, scopes)
