"""A warehouse to build: captured tables and event tables with rows made by hand.

Belongs here: the tables as change capture makes them, without capture, and running dbt as
Dagster does. What is built from them is the tests' business.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from fix_models import take_parsed
from fix_stack import RunningStack

from orchestration.dbt_projects import WAREHOUSE, connection_environment
from stores.clickhouse.client import ClickHouseClient, connect
from stores.postgres.client import connect as connect_postgres
from stores.settings import load_settings

_TYPES = {
    "uuid": "UUID",
    "boolean": "Bool",
    "timestamp with time zone": "DateTime64(6, 'UTC')",
    "integer": "Int32",
    "bigint": "Int64",
    "double precision": "Float64",
    "date": "Date32",
    "numeric": "Decimal(10, 4)",
}
_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable = 'YES'
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
"""
_KEYS = """
SELECT tables.relname, attributes.attname FROM pg_index
JOIN pg_class AS tables ON tables.oid = indrelid
JOIN pg_attribute AS attributes ON attributes.attrelid = indrelid AND attnum = ANY (indkey)
WHERE indisprimary AND tables.relnamespace = 'public'::regnamespace
"""


@dataclass
class Warehouse:
    """Sources to fill, and dbt to run over them."""

    client: ClickHouseClient
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    messages: dict[str, str] = field(default_factory=dict)
    compiled: dict[str, str] = field(default_factory=dict)

    def capture(self, table: str, *, is_deleted: bool = False, **row: Any) -> UUID:
        """One version of a row, as capture would write it. Returns its id."""
        row = {"id": uuid4()} | row
        own = {
            "_version": time.time_ns(),
            "_is_deleted": int(is_deleted),
            "_captured_at": datetime.now(UTC),
        }
        values = row | own
        self.client.insert(f"oltp_log.{table}", [list(values.values())], column_names=list(values))
        return UUID(str(row["id"]))

    def delete(self, table: str, row_id: UUID) -> None:
        """What capture writes of a deleted row: its key alone."""
        self.capture(table, id=row_id, is_deleted=True)

    def use(
        self, user_id: UUID, days_ago: int, count: int, resource_type: str = "interviews"
    ) -> UUID:
        """An entry of the ledger of usage."""
        return self.capture(
            "usage_tracking",
            user_id=user_id,
            resource_type=resource_type,
            count=count,
            date=self.day(days_ago),
        )

    def events(self, user_id: UUID, days_ago: int, count: int = 1) -> None:
        """So many events of a user, at noon of a day."""
        noon = datetime.combine(self.day(days_ago), datetime.min.time(), UTC) + timedelta(hours=12)
        names = ["event_id", "user_id", "event_type", "event_data", "session_id", "timestamp"]
        rows = [[uuid4(), user_id, "page_view", "{}", user_id, noon] for _ in range(count)]
        self.client.insert("analytics.user_events", rows, column_names=names)

    def requests(self, days_ago: int, status_codes: list[int]) -> None:
        """Requests that a service answered, one per status."""
        noon = datetime.combine(self.day(days_ago), datetime.min.time(), UTC) + timedelta(hours=12)
        names = ["request_id", "method", "endpoint", "status_code", "response_time_ms"]
        names += ["service_name", "timestamp"]
        rows = [
            [uuid4(), "GET", "/x", code, 10 * place, "nova-api", noon]
            for place, code in enumerate(status_codes, 1)
        ]
        self.client.insert("analytics.api_metrics", rows, column_names=names)

    def day(self, days_ago: int) -> date:
        """So many days before today."""
        return self.today - timedelta(days_ago)

    def dbt(self, *arguments: str) -> dict[str, str]:
        """Run dbt in this process; what became of each model and test, by its name."""
        WAREHOUSE.ensure_manifest()
        parsed = Manifest.from_msgpack(WAREHOUSE.parsed_path.read_bytes())
        parsed.build_flat_graph()
        quiet = ("--quiet", "--no-print", "--no-write-json", "--log-level-file", "none")
        ran = dbtRunner(manifest=parsed).invoke([*arguments, *quiet, *WAREHOUSE.options()])
        assert ran.result is not None, ran.exception
        self.messages = {result.node.name: result.message or "" for result in ran.result.results}
        self.compiled |= {
            result.node.name: getattr(result.node, "compiled_code", None) or ""
            for result in ran.result.results
        }
        return {result.node.name: str(result.status) for result in ran.result.results}

    def build(self, *selection: str) -> None:
        """Build models, by default the rollups and what they need; all must succeed."""
        chosen = ("--select", *(selection or ("+rollups",)))
        # Not `run`: that leaves the snapshots out.
        became = self.dbt("build", *chosen, "--exclude-resource-types", "test", "unit_test")
        assert set(became.values()) == {"success"}, self.messages

    def refresh(self) -> None:
        """What the sensor's run does."""
        self.build("int_landed", "rollups")

    def test_rollups(self) -> dict[str, str]:
        """What became of each singular test, where nothing but rollups was built."""
        # One asks marts that no rollup is made from, and some sources are empty here on purpose.
        others = ("nothing_ends_before_it_begins", "every_source_has_rows")
        return self.dbt("test", "--select", "test_type:singular", "--exclude", *others)

    def rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """A query's rows."""
        return [tuple(row) for row in self.client.query(query, parameters).result_rows]

    def touched(self, rollup: str) -> list[date]:
        """The slices that the last refresh of a rollup restated."""
        found = self.rows(f"SELECT slice FROM rollups.{rollup}__touched ORDER BY slice")
        return [row[0] for row in found]


def _create_captured(client: ClickHouseClient, url: str) -> None:
    with connect_postgres(url) as connection:
        columns: dict[str, list[str]] = {}
        for table, name, kind, is_nullable in connection.execute(_COLUMNS).fetchall():
            found = _TYPES.get(str(kind), "String")
            wanted = f"Nullable({found})" if is_nullable else found
            columns.setdefault(str(table), []).append(f"{name} {wanted}")
        keys: dict[str, list[str]] = {}
        for table, name in connection.execute(_KEYS).fetchall():
            keys.setdefault(str(table), []).append(str(name))
    for database in ("oltp", "oltp_log"):
        client.command(f"CREATE DATABASE {database} ENGINE = Atomic")
    for table, described in columns.items():
        _create(client, table, described, keys[table])


def _create(client: ClickHouseClient, table: str, columns: list[str], key: list[str]) -> None:
    names = ", ".join(column.split()[0] for column in columns)
    client.command(
        f"CREATE TABLE oltp_log.{table} ({', '.join(columns)}, _version UInt128,"
        " _is_deleted UInt8, _captured_at DateTime64(3, 'UTC'))"
        f" ENGINE = ReplacingMergeTree(_version, _is_deleted) ORDER BY ({', '.join(key)})"
    )
    client.command(
        f"CREATE VIEW oltp.{table} AS SELECT {names} FROM oltp_log.{table} FINAL"
        " WHERE _is_deleted = 0"
    )


def make_customer(warehouse: Warehouse, limits: Mapping[str, Any] | None) -> UUID:
    """A user, and with `limits` (a plan's, as JSON) an active subscription for 100 days."""
    user_id = warehouse.capture("users", email="someone@example.com", password_hash="-")
    if limits is not None:
        plan_id = warehouse.capture(
            "subscription_plans",
            name="starter",
            # Paid, so that the months that begin with revenue are looked at.
            price=29,
            currency="USD",
            billing_interval="month",
            limits=json.dumps(limits),
            features="{}",
        )
        begin = datetime.now(UTC) - timedelta(days=100)
        warehouse.capture(
            "subscriptions",
            user_id=user_id,
            plan_id=plan_id,
            status="active",
            created_at=begin,
            current_period_start=begin,
            current_period_end=begin + timedelta(days=120),
        )
    return user_id


@pytest.fixture
def warehouse(
    stack: RunningStack,
    fresh_clickhouse_url: str,
    postgres_url: str,
    parsed_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Warehouse:
    """Sources without rows, and nothing built yet."""
    take_parsed(parsed_home, stack.home.path)
    for name, value in connection_environment(load_settings()).items():
        monkeypatch.setenv(name, value)
    client = connect(fresh_clickhouse_url)
    # dbt makes its first database once in a process, and a test before may have dropped it.
    client.command("CREATE DATABASE staging ENGINE = Atomic")
    _create_captured(client, postgres_url)
    return Warehouse(client)
