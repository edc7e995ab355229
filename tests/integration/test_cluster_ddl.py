"""The same models on a cluster: every statement goes to all machines, every table is replicated.

No cluster runs here. dbt builds for the target `cluster`; what it sends is kept as it is, and sent
on to the one server of the tests without the words that need Keeper and other machines.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlglot
from dbt.adapters.clickhouse.httpclient import ChHttpClient
from fix_warehouse import Warehouse, make_customer
from sqlglot import exp

from orchestration.dbt_projects import WAREHOUSE

CLUSTER = "interview_data"
REPLICA = "('/clickhouse/tables/{uuid}', '{shard}-{replica}'"
_REPLACED = ("kept_rows", "restated_slices")
_TABLES = "config.materialized:table resource_type:snapshot " + " ".join(
    f"config.materialized:{kind}" for kind in _REPLACED
)
_CHANGES = re.compile(r"(create|alter|exchange|rename|drop|truncate)\s", re.IGNORECASE)


def _for_one_server(sql: str) -> str:
    sql = re.sub(rf'ON CLUSTER\s+"{CLUSTER}"(\s+SYNC\b)?', "", sql)
    sql = re.sub(r"Replicated(\w*MergeTree)\('[^']*', '[^']*'(, )?", r"\1(", sql)
    sql = re.sub(rf'clusterAllReplicas\("{CLUSTER}", (system\.\w+)\)', r"\1", sql)
    sql = sql.replace("count(distinct _shard_num) > 1", "1")
    return "SELECT 1" if "SYSTEM SYNC REPLICA" in sql else sql


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that changes something, as dbt means it for the cluster."""
    kept: list[str] = []
    for name in ("query", "command", "columns_in_query"):
        plain = getattr(ChHttpClient, name)

        def send(self: Any, sql: str, plain: Any = plain, **options: Any) -> Any:
            bare = re.sub(r"/\*.*?\*/|^\s*--[^\n]*$", "", sql, flags=re.DOTALL | re.MULTILINE)
            if _CHANGES.match(bare.strip()):
                kept.append(bare.strip())
            return plain(self, _for_one_server(sql), **options)

        monkeypatch.setattr(ChHttpClient, name, send)
    return kept


def _created(statements: list[str]) -> Iterator[tuple[str, exp.Create]]:
    for statement in statements:
        if re.match(r"create table", statement, re.IGNORECASE) and " as `" not in statement:
            parsed = sqlglot.parse_one(statement, read="clickhouse")
            assert isinstance(parsed, exp.Create), statement
            name = parsed.find(exp.Table).name  # type: ignore[union-attr]
            # Of a run alone, by whose id its name ends.
            yield re.sub(r"_[0-9a-f]{12}$", "", name), parsed


def _plain(expression: exp.Expression) -> str:
    """As sqlglot writes it, without what says only how it is written."""
    return re.sub(r"[\s()`\"]|tuple", "", expression.sql("clickhouse"))


def _in_order(create: exp.Create, kind: type[exp.Expression]) -> str:
    found = create.find(kind)
    return re.sub("^(ORDERBY|PARTITIONBY)", "", _plain(found)) if found else ""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_on_a_cluster_every_table_is_replicated_and_every_change_goes_to_all_machines(
    warehouse: Warehouse, sent: list[str]
) -> None:
    customer = make_customer(warehouse, {"interviews": 5})
    warehouse.events(customer, 1, count=2)
    warehouse.use(customer, 1, 3)
    skipped = (f"--exclude-resource-type={kind}" for kind in ("test", "unit_test", "exposure"))
    target = ("--target", "cluster", *skipped)
    became = warehouse.dbt("build", *target)
    assert set(became.values()) == {"success"}, warehouse.messages
    warehouse.events(customer, 1)
    became = warehouse.dbt("build", *target, "--select", *_TABLES.split())
    assert set(became.values()) == {"success"}, warehouse.messages

    for statement in sent:
        assert f'ON CLUSTER "{CLUSTER}"' in " ".join(statement.split()), statement
    # The slice that differed was replaced on all machines, and so were whole tables and views.
    told = " ".join(" ".join(sent).split())
    assert re.search(
        rf'alter table \S+rollup_user_activity_daily\S* ON CLUSTER "{CLUSTER}" replace', told
    )
    assert re.search(rf'EXCHANGE TABLES \S+ AND \S+ ON CLUSTER "{CLUSTER}"', told, re.IGNORECASE)
    assert re.search(rf'create or replace view \S+dim_users\S* ON CLUSTER "{CLUSTER}"', told)

    created: dict[str, exp.Create] = {}
    for name, create in _created(sent):
        engine = create.find(exp.EngineProperty)
        assert engine is not None, name
        assert engine.sql("clickhouse").startswith("ENGINE=Replicated"), (name, engine)
        assert REPLICA in engine.sql("clickhouse"), (name, engine)
        assert create.find(exp.OnCluster) is not None, name
        created[name] = create
    for node in WAREHOUSE.ensure_manifest()["nodes"].values():
        kind, config = node["config"].get("materialized"), node["config"]
        if kind not in ("table", "snapshot", *_REPLACED):
            continue
        create = created[f"{node['name']}__restated" if kind in _REPLACED else node["name"]]
        for option, clause in (
            ("order_by", exp.Order),
            ("partition_by", exp.PartitionedByProperty),
        ):
            wanted = config.get(option) or []
            parts = [wanted] if isinstance(wanted, str) else wanted
            text = ",".join(_plain(sqlglot.parse_one(part, read="clickhouse")) for part in parts)
            assert _in_order(create, clause) == text, (node["name"], option)
