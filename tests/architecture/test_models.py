"""Rules that every dbt model keeps, read from what dbt itself parsed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fix_models import Manifests

from stores.settings import REPOSITORY

Node = Mapping[str, Any]
# Reckoning is what a unit test can get wrong: operators, aggregates, windows, differences of times.
# Looked for in the model's own text, without comments and without what is inside {{ }} and {% %}.
_ARITHMETIC = re.compile(
    r"\s[-+*/]\s|\b(sum|count|avg|min|max|least|greatest|any|uniq\w*|quantile\w*|arg(?:Min|Max)"
    r"|dateDiff|row_number|\w+InFrame|array_agg|\w+If|\w+Merge|\w+State)\(|\bextract\(",
)
# A time to live is no reckoning.
_ASIDE = re.compile(r"today\(\) - interval|\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|--[^\n]*", re.DOTALL)
# Several sources in one model, and a number without a unit test, each with its reason.
_SEVERAL_SOURCES = {"stg_landed__sources": "it lists how far each source has come"}
_UNTESTED = {
    "stg_landed__sources": "a maximum of a real table's column; a fixture would have none of them",
    "int_retention__weeks": "a fingerprint of weeks, which only has to differ",
    "int_api_health__hourly": "raw requests it counts as the rollup of minutes does",
}


def _nodes(manifests: Manifests, *kinds: str) -> Iterator[Node]:
    for manifest in manifests.values():
        yield from (node for node in manifest["nodes"].values() if node["resource_type"] in kinds)


def _tests_of(manifests: Manifests, model: Node) -> Iterator[Node]:
    for test in _nodes(manifests, "test"):
        if test.get("attached_node") == model["unique_id"]:
            yield test


def _is_layer(model: Node, *layers: str) -> bool:
    return model["fqn"][1] in layers


def test_every_model_and_every_column_is_described(manifests: Manifests) -> None:
    missing = []
    sources = [one for manifest in manifests.values() for one in manifest["sources"].values()]
    for node in [*_nodes(manifests, "model", "snapshot"), *sources]:
        if not node["description"]:
            missing.append(node["name"])
        if node["resource_type"] == "model" and not node["columns"]:
            missing.append(f"{node['name']}: no column")
        missing += [
            f"{node['name']}.{column['name']}"
            for column in node["columns"].values()
            if not column["description"].endswith(".")
        ]
    assert not missing, "say in the YAML beside the model what these are: " + ", ".join(missing)


def test_every_mart_rollup_and_read_model_has_a_contract_and_a_tested_key(
    manifests: Manifests,
) -> None:
    for model in _nodes(manifests, "model"):
        is_operational = model["package_name"] == "operational"
        if not (is_operational or model["schema"] in ("marts", "rollups")):
            continue
        assert model["config"]["contract"]["enforced"], f"{model['name']}: no contract"
        kinds: dict[str | None, set[str]] = {}
        for test in _tests_of(manifests, model):
            kinds.setdefault(test["column_name"], set()).add(test["test_metadata"]["name"])
        is_keyed = any({"unique", "not_null"} <= found for found in kinds.values())
        assert is_keyed or "combination_is_unique" in kinds.get(None, ()), (
            f"{model['name']}: test a column for unique and not_null, or combination_is_unique"
        )


def test_every_model_and_snapshot_has_a_check_of_its_own(manifests: Manifests) -> None:
    shown = {
        test["meta"]["dagster"]["ref"]["name"]
        for test in _nodes(manifests, "test")
        if "dagster" in test["meta"]
    }
    missing = [
        node["name"]
        for node in _nodes(manifests, "model", "snapshot")
        if node["name"] not in shown and not any(_tests_of(manifests, node))
    ]
    assert not missing, "nothing can be wrong with these: " + ", ".join(missing)


def test_staging_renames_one_source_and_nothing_else_reads_sources(manifests: Manifests) -> None:
    for model in _nodes(manifests, "model"):
        if model["package_name"] == "operational":
            continue
        read = model["depends_on"]["nodes"]
        sources = [name for name in read if name.startswith("source.")]
        if _is_layer(model, "staging"):
            assert sources == read, f"{model['name']}: staging reads sources and nothing else"
            assert len(sources) == 1 or model["name"] in _SEVERAL_SOURCES, model["name"]
            assert not re.search(r"\bjoin\b", _ASIDE.sub("", model["raw_code"])), model["name"]
        else:
            assert not sources, f"{model['name']}: read {sources} through staging"


def test_every_captured_table_and_event_table_has_a_staging_model(manifests: Manifests) -> None:
    read = {
        name
        for model in _nodes(manifests, "model")
        if _is_layer(model, "staging") and model["name"] not in _SEVERAL_SOURCES
        for name in model["depends_on"]["nodes"]
    }
    sources = manifests["warehouse"]["sources"].values()
    wanted = {one["unique_id"] for one in sources if one["source_name"] != "oltp_log"}
    assert len(wanted) == 20
    assert wanted <= read, wanted - read


def test_every_model_that_reckons_has_a_unit_test(manifests: Manifests) -> None:
    tested = {
        name
        for manifest in manifests.values()
        for unit_test in manifest["unit_tests"].values()
        for name in unit_test["depends_on"]["nodes"][:1]
    }
    missing = [
        model["name"]
        for model in _nodes(manifests, "model")
        if _ARITHMETIC.search(_ASIDE.sub("", model["raw_code"]))
        and model["unique_id"] not in tested
        and model["name"] not in _UNTESTED
    ]
    assert not missing, (
        "give each a unit test with rows that can be reckoned by hand: " + ", ".join(missing)
    )


def test_unit_tests_give_all_that_their_model_reads_or_waits_for(manifests: Manifests) -> None:
    """Or dbt stops with a node that was not found, as late as when the test is run."""
    for manifest in manifests.values():
        models = {node["name"]: node for node in manifest["nodes"].values()}
        for unit_test in manifest["unit_tests"].values():
            read = models[unit_test["model"]]["depends_on"]["nodes"]
            given = " ".join(str(one["input"]) for one in unit_test["given"])
            missing = [name for name in read if f"'{name.rsplit('.', 1)[1]}'" not in given]
            assert not missing, f"{unit_test['name']}: give {missing}, if without rows"


def test_personal_columns_are_tagged_wherever_they_are_named(manifests: Manifests) -> None:
    """A name that is personal in one staging model is so in every model; marts have none."""
    tagged: set[str] = set()
    for model in _nodes(manifests, "model"):
        for column in model["columns"].values():
            if "personal_data" in column["config"].get("tags", ()):
                tagged.add(column["name"])
    assert {
        "email",
        "full_name",
        "phone",
        "candidate_email",
        "candidate_name",
        "ip_address",
    } <= tagged
    for model in _nodes(manifests, "model", "snapshot"):
        if model["package_name"] == "operational" or _is_layer(model, "staging"):
            continue
        found = tagged & set(model["columns"])
        assert not found, f"{model['name']}: hash {found} or leave it out"


def test_every_model_that_serving_reads_is_named_by_an_exposure(manifests: Manifests) -> None:
    read = {
        name
        for path in (REPOSITORY / "serving").rglob("*")
        if path.suffix in (".sql", ".py")
        for name in re.findall(
            r"\b(?:FROM|JOIN) (?:marts|rollups|operational)\.([a-z]\w+)", path.read_text()
        )
    }
    named = {
        node.rsplit(".", 1)[1]
        for manifest in manifests.values()
        for exposure in manifest["exposures"].values()
        for node in exposure["depends_on"]["nodes"]
    }
    models = {model["name"] for model in _nodes(manifests, "model")}
    assert read & models <= named, f"name what reads {read & models - named} in exposures.yml"


@pytest.mark.parametrize("project", ["warehouse", "operational"])
def test_singular_tests_are_described_and_shown_at_an_asset(
    manifests: Manifests, project: str
) -> None:
    for test in manifests[project]["nodes"].values():
        if test["resource_type"] == "test" and "test_metadata" not in test:
            assert test["description"].endswith("."), test["name"]
            assert test["config"]["meta"]["dagster"]["ref"]["name"], test["name"]
