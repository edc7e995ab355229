"""How dbt's models, sources and tests are called in Dagster.

Belongs here: asset keys, groups, owners and check texts. A source has the key of the asset
that lands it, so that lineage runs through from PostgreSQL to the dashboards.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from orchestration import layers
from orchestration.automation import (
    WATERMARK,
    Condition,
    ancestors,
    condition_of_table,
    condition_of_view,
    landed_ancestors,
    unless_something_failed,
)

# The log of versions and the view of the newest ones are landed together.
_SAME_AS = {"oltp_log": "oltp"}
_KINDS = {
    "unique": "no value occurs twice.",
    "not_null": "no value is missing.",
    "relationships": "every value leads to a row of the model it names.",
    "accepted_values": "no value but the known ones occurs.",
    "combination_is_unique": "No key occurs twice.",
}
# Nothing at all has landed for a day and a half: somebody should look, though all may be well.
FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=36), warn_window=timedelta(hours=30)
)
# How fresh the rollups are is confirmed while nothing lands, and told every ten minutes.
CONFIRMED_FRESHNESS = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=1), warn_window=timedelta(minutes=30)
)
SETTINGS = DagsterDbtTranslatorSettings(
    enable_asset_checks=True, enable_duplicate_source_asset_keys=True
)


class Translator(DagsterDbtTranslator):
    """One translator for both projects; they differ in the folders of their models."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        super().__init__(SETTINGS)
        self._manifest = manifest
        self._macros = _digest_of_macros(manifest)

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """[schema, name], and for a source the landed table."""
        if dbt_resource_props["resource_type"] == "source":
            source = dbt_resource_props["source_name"]
            return dg.AssetKey([_SAME_AS.get(source, source), dbt_resource_props["name"]])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """By the first folder under models/; snapshots stand between staging and marts."""
        if dbt_resource_props["resource_type"] == "snapshot":
            return layers.INTERMEDIATE
        return layers.WAREHOUSE_GROUPS.get(dbt_resource_props["fqn"][1], layers.OPERATIONAL)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Staging belongs to who lands the data, the rest to who answers questions with it."""
        is_staging = self.get_group_name(dbt_resource_props) == layers.STAGING
        return [layers.DATA_ENGINEERING if is_staging else layers.ANALYTICS]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's own words, without its SQL."""
        return str(dbt_resource_props.get("description") or "")

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG002  dagster-dbt names it
        """None: the layer is the group already, and columns carry their own tags."""
        return {}

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetSpec:
        """With a freshness policy for tables. A view is as fresh as what it reads."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        if node is None or node["config"].get("materialized") == "view":
            return spec
        is_confirmed = spec.key == dg.AssetKey(layers.CONFIRMED)
        policy = CONFIRMED_FRESHNESS if is_confirmed else FRESHNESS
        return spec.replace_attributes(freshness_policy=policy)

    def get_code_version(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Changes with the text and configuration of the model or of one it is made from, and
        with the project's macros."""
        if dbt_resource_props["resource_type"] == "source":
            return None
        nodes = self._manifest["nodes"]
        made_from = ancestors(self._manifest, dbt_resource_props["unique_id"])
        texts = [
            f"{nodes[one]['checksum']['checksum']} {sorted(nodes[one]['config'].items())}"
            for one in sorted({dbt_resource_props["unique_id"], *made_from} & nodes.keys())
        ]
        return hashlib.sha256(repr([*texts, self._macros]).encode()).hexdigest()[:16]

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> Condition | None:
        """A table is rebuilt when something behind it has landed, a view when it is new."""
        if dbt_resource_props["resource_type"] == "source":
            return None
        sources = landed_ancestors(self._manifest, dbt_resource_props["unique_id"])
        if dbt_resource_props["config"].get("materialized") == "view":
            return condition_of_view(sources)
        condition = condition_of_table(sources)
        is_watermark = WATERMARK in dbt_resource_props["tags"]
        return unless_something_failed(condition) if is_watermark else condition

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: Any,
    ) -> dg.AssetCheckSpec | None:
        """With the test's sentence; a red check is shown and does not stop a refresh."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        return spec._replace(description=_sentence(manifest["nodes"][unique_id]), blocking=False)


def _digest_of_macros(manifest: Mapping[str, Any]) -> str:
    """Of the project's own macros: a changed one changes what models compile to."""
    name = manifest["metadata"]["project_name"]
    texts = sorted(
        macro["macro_sql"] for macro in manifest["macros"].values() if macro["package_name"] == name
    )
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _sentence(test: Mapping[str, Any]) -> str:
    """What a test says: its own words, or for one of a kind what that kind asks of a column."""
    if test.get("description"):
        return str(test["description"])
    kind = str((test.get("test_metadata") or {}).get("name", test["name"]))
    column = test.get("column_name")
    return (f"{column}: " if column else "") + _KINDS.get(kind, kind)
