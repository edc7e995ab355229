"""How dbt's models, sources and tests are called in Dagster.

Belongs here: asset keys, groups, owners and check texts. A source has the key of the asset
that lands it, so that lineage runs through from PostgreSQL to the dashboards.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from orchestration import layers

# The log of versions and the view of the newest ones are landed together.
_SAME_AS = {"oltp_log": "oltp"}
_KINDS = {
    "unique": "no value occurs twice.",
    "not_null": "no value is missing.",
    "relationships": "every value leads to a row of the model it names.",
    "accepted_values": "no value but the known ones occurs.",
    "combination_is_unique": "No key occurs twice.",
}
SETTINGS = DagsterDbtTranslatorSettings(
    enable_asset_checks=True, enable_duplicate_source_asset_keys=True
)


class Translator(DagsterDbtTranslator):
    """One translator for both projects; they differ in the folders of their models."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)

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


def _sentence(test: Mapping[str, Any]) -> str:
    """What a test says: its own words, or for one of a kind what that kind asks of a column."""
    if test.get("description"):
        return str(test["description"])
    kind = str((test.get("test_metadata") or {}).get("name", test["name"]))
    column = test.get("column_name")
    return (f"{column}: " if column else "") + _KINDS.get(kind, kind)
