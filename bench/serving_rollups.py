"""Rollups of the size that 50 million raw events have: tables by dbt's contracts, filled at once.

Belongs here: making them. What is read from them is measured by `serving_quota.py`.
"""

from pathlib import Path

import yaml

MODELS = Path(__file__).resolve().parent.parent / "dbt" / "warehouse" / "models"
DAYS = 90
RAW_EVENTS = 50_000_000
# As dbt lays them out; the rest is read whole.
LAYOUT = {
    "rollup_usage_daily": "PARTITION BY date ORDER BY (date, user_id, resource_type)",
    "rollup_usage_monthly": "PARTITION BY month ORDER BY (month, user_id, resource_type)",
    "rollup_user_activity_daily": "PARTITION BY date ORDER BY (date, user_id, event_type)",
    "dim_users": "ORDER BY user_id",
    "dim_subscriptions": "ORDER BY subscription_id",
    "dim_subscription_plans": "ORDER BY plan_id",
    "rollup_freshness": "ORDER BY name",
}
_USER = "toUUID(concat('00000000-0000-4000-8000-', leftPad(toString({0}), 12, '0')))"


def make_rollups(url: str, customers: int) -> None:
    """Every customer uses each resource on a third of the days, and causes 5 kinds of events."""
    from stores.clickhouse.client import connect

    client = connect(url)
    for table, layout in LAYOUT.items():
        database = "marts" if table.startswith("dim_") else "rollups"
        client.command(f"CREATE DATABASE IF NOT EXISTS {database} ENGINE = Atomic")
        client.command(
            f"CREATE OR REPLACE TABLE {database}.{table} ({_contract(table)})"
            f" ENGINE = MergeTree {layout}"
        )
    user = _USER.format("number % {customers} + 1").format(customers=customers)
    many = {"max_partitions_per_insert_block": 0}
    resource = "['analysis', 'interviews', 'storage'][intDiv(number, {0}) % 3 + 1]"
    client.command(
        "INSERT INTO rollups.rollup_usage_daily (date, user_id, resource_type, used_count)"
        f" SELECT today() - intDiv(number, {customers * 3}) * 3, {user},"
        f" {resource.format(customers)}, 1 + number % 5 FROM numbers({customers * 3 * DAYS // 3})",
        settings=many,
    )
    client.command(
        "INSERT INTO rollups.rollup_usage_monthly"
        " (month, user_id, resource_type, used_count, plan_name, limit_count)"
        " SELECT toStartOfMonth(date), user_id, resource_type, sum(used_count), 'pro', 100"
        " FROM rollups.rollup_usage_daily GROUP BY 1, 2, 3"
    )
    client.command(
        "INSERT INTO rollups.rollup_user_activity_daily (date, user_id, event_type, event_count)"
        f" SELECT today() - intDiv(number, {customers * 5}), {user},"
        f" concat('kind_', toString(intDiv(number, {customers}) % 5)),"
        f" {RAW_EVENTS // (customers * 5 * DAYS)} FROM numbers({customers * 5 * DAYS})",
        settings=many,
    )
    client.command(
        "INSERT INTO marts.dim_users (user_id, plan_name)"
        f" SELECT {user}, 'pro' FROM numbers({customers})"
    )
    client.command(
        "INSERT INTO marts.dim_subscriptions (subscription_id, user_id, plan_id,"
        " subscription_status, current_period_start, current_period_end)"
        f" SELECT {user}, {user}, toUUID('00000000-0000-4000-8000-000000000000'), 'active',"
        f" now() - 86400 * 200, now() + 86400 FROM numbers({customers})"
    )
    client.command(
        "INSERT INTO marts.dim_subscription_plans (plan_id, plan_name, interviews_limit_count)"
        " VALUES ('00000000-0000-4000-8000-000000000000', 'pro', 100)"
    )
    client.command(
        "INSERT INTO rollups.rollup_freshness (name, data_until, refreshed_at)"
        " VALUES ('usage_tracking', now(), now())"
    )
    client.close()


def _contract(table: str) -> str:
    for file in sorted(MODELS.rglob("*.yml")):
        for model in yaml.safe_load(file.read_text()).get("models", []):
            if model["name"] == table:
                columns = [f"{item['name']} {item['data_type']}" for item in model["columns"]]
                return ", ".join(columns)
    raise LookupError(f"dbt has no contract for {table}")
