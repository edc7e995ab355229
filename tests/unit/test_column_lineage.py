"""Columns are traced through compiled SQL, ClickHouse's own forms included."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg

from orchestration.column_lineage import Tracer


def _model(name: str, *columns: str) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "schema": "staging",
        "name": name,
        "columns": dict.fromkeys(columns),
    }


_MANIFEST: dict[str, Any] = {
    "metadata": {"adapter_type": "clickhouse"},
    "nodes": {
        "model.w.events": {
            "resource_type": "model",
            "schema": "staging",
            "name": "events",
            "columns": {"date": {}, "who": {}, "ms": {}},
        },
        "model.w.people": {
            "resource_type": "model",
            "schema": "staging",
            "name": "people",
            "columns": {"who": {}, "plan": {}},
        },
    },
    "sources": {},
    "parent_map": {"model.w.rollup": ["model.w.events", "model.w.people"]},
}
_QUERY = """
with joined as (
    select e.date as day, p.plan as plan_name, e.ms as ms
    from `staging`.`events` as e
    left join `staging`.`people` as p on p.who = e.who
    where e.date in (select slice from `rollups`.`rollup__touched`)
)
select day, plan_name, count() as event_count, quantileExact(0.95)(ms) as ms_p95
from joined group by day, plan_name
settings join_use_nulls = 0
"""


class _Keys:
    def get_asset_key(self, props: dict[str, Any]) -> dg.AssetKey:
        return dg.AssetKey([props["schema"], props["name"]])


def _node(code: str) -> Any:
    return SimpleNamespace(
        resource_type="model",
        name="rollup",
        schema="rollups",
        unique_id="model.w.rollup",
        columns=dict.fromkeys(("day", "plan_name", "event_count", "ms_p95")),
        compiled_code=code,
    )


def _traced(folder: Path, code: str) -> dict[str, list[str]]:
    tracer = Tracer(_MANIFEST, _Keys(), folder)  # type: ignore[arg-type]
    found = tracer.trace(_node(code))
    assert found is not None
    return {
        column: [f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps]
        for column, deps in found.deps_by_column.items()
    }


def test_every_column_leads_to_the_columns_it_is_made_of(tmp_path: Path) -> None:
    assert _traced(tmp_path, _QUERY) == {
        "day": ["staging/events.date"],
        "plan_name": ["staging/people.plan"],
        "event_count": [],
        "ms_p95": ["staging/events.ms"],
    }


def test_what_only_some_models_have_is_traced_too(tmp_path: Path) -> None:
    code = """
    select e.date as day, p.plan as plan_name, count() as event_count,
        quantilesDDState(0.01, 0.5)(e.ms) as ms_p95
    from staging.events as e left join staging.people as p on p.who = e.who
    where ((select count() from expectations.quarantined where suite = 'events') = 0
        or e.who not in (select row_id from expectations.quarantined where suite = 'events'))
    group by day, plan_name
    """
    traced = _traced(tmp_path, code)
    assert traced["day"] == ["staging/events.date"]
    assert traced["ms_p95"] == ["staging/events.ms"]


def test_a_snapshot_keeps_the_columns_of_what_it_is_made_of(tmp_path: Path) -> None:
    snapshot = _model("versions") | {"resource_type": "snapshot"}
    manifest = _MANIFEST | {
        "nodes": _MANIFEST["nodes"] | {"snapshot.w.versions": snapshot},
        "parent_map": {
            "snapshot.w.versions": ["model.w.people"],
            "model.w.rollup": ["snapshot.w.versions"],
        },
    }
    tracer = Tracer(manifest, _Keys(), tmp_path)  # type: ignore[arg-type]
    node = SimpleNamespace(resource_type="snapshot", unique_id="snapshot.w.versions")
    found = tracer.trace(node)
    assert found is not None
    assert set(found.deps_by_column) == {"who", "plan"}
    code = "select dbt_valid_from as day, plan as plan_name, 1 as event_count, 2 as ms_p95"
    read = tracer.trace(_node(f"{code} from staging.versions where who is not null"))
    assert read is not None
    assert [dep.column_name for dep in read.deps_by_column["day"]] == ["dbt_valid_from"]


def test_what_was_read_is_kept_until_the_query_changes(tmp_path: Path) -> None:
    _traced(tmp_path, _QUERY)
    [first] = tmp_path.iterdir()
    first.write_text('{"day": [["kept/one", "x"]]}')
    assert _traced(tmp_path, _QUERY) == {"day": ["kept/one.x"]}
    assert _traced(tmp_path, _QUERY.replace("0.95", "0.99"))["ms_p95"] == ["staging/events.ms"]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_query_beyond_the_parser_costs_the_picture_and_not_the_build(tmp_path: Path) -> None:
    assert _traced(tmp_path, "select from where )") == {}
