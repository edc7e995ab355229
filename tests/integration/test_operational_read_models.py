"""Read models in PostgreSQL agree with OLTP at once, without a refresh."""

from uuid import UUID

import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from orchestration.dbt_projects import OPERATIONAL, connection_environment
from stores.postgres.client import connect
from stores.settings import load_settings


@pytest.mark.timeout(300)
def test_entitlements_are_what_the_plan_and_the_ledger_say_this_second(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in connection_environment(load_settings()).items():
        monkeypatch.setenv(name, value)
    OPERATIONAL.ensure_manifest()
    parsed = Manifest.from_msgpack(OPERATIONAL.parsed_path.read_bytes())
    quiet = ["--quiet", "--no-write-json", "--log-level-file", "none"]
    ran = dbtRunner(manifest=parsed).invoke(["build", *quiet, *OPERATIONAL.options()])
    assert ran.success, ran.exception or [result.message for result in ran.result.results]

    with connect(postgres_url, autocommit=True) as connection:

        def one(query: str, *values: object) -> UUID:
            return connection.execute(query, values).fetchone()[0]

        user = one("INSERT INTO users (email, password_hash) VALUES ('a@b.c', '-') RETURNING id")
        plan = one(
            "INSERT INTO subscription_plans (name, price, billing_interval, limits, features)"
            """ VALUES ('starter', 1, 'month', '{"interviews": 10, "storage": null}', '{}')"""
            " RETURNING id"
        )
        subscription = one(
            "INSERT INTO subscriptions (user_id, plan_id, status, current_period_start,"
            " current_period_end) VALUES (%s, %s, 'active', now(), now() + interval '1 month')"
            " RETURNING id",
            user,
            plan,
        )
        one(
            "INSERT INTO usage_tracking (user_id, resource_type, count, date)"
            " VALUES (%s, 'interviews', 4, (now() AT TIME ZONE 'UTC')::date) RETURNING id",
            user,
        )
        query = "SELECT resource_type, limit_count, used_count FROM operational.entitlements"
        assert sorted(connection.execute(query).fetchall(), key=str) == [
            ("analysis", None, 0),
            ("interviews", 10, 4),
            ("storage", None, 0),
        ]
        connection.execute(
            "UPDATE subscriptions SET status = 'cancelled' WHERE id = %s", [subscription]
        )
        assert connection.execute(query).fetchall() == []
