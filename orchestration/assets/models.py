"""dbt's models as assets, and what reads them.

Belongs here: the two dbt projects and their exposures. The models are in `dbt/`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration import layers
from orchestration.assets.translation import Translator
from orchestration.dbt_projects import Project
from orchestration.dbt_runs import Event, build


class BuildConfig(dg.Config):
    """What can be asked of a build."""

    full_refresh: bool = False
    """Rebuild the incremental models from nothing, as after a change of their query."""


def model_assets(project: Project, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Every model of `project` as an asset, and every test as a check."""
    translator = Translator(manifest)

    @dbt_assets(
        manifest=manifest,
        dagster_dbt_translator=translator,
        name=project.name,
        pool=f"dbt_{project.name}",
    )
    def models(context: dg.AssetExecutionContext, config: BuildConfig) -> Iterator[Event]:
        yield from build(context, project, manifest, translator, config.full_refresh)

    return models


def exposure_specs(manifest: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """The dashboards and endpoints that dbt knows as exposures: the right edge."""
    translator = Translator(manifest)
    return [
        dg.AssetSpec(
            exposure["config"]["meta"]["asset_key"],
            deps=[
                translator.get_asset_key(manifest["nodes"][node])
                for node in exposure["depends_on"]["nodes"]
            ],
            description=exposure["description"],
            group_name=layers.SERVING,
            owners=[layers.PRODUCT],
            kinds={exposure["type"]},
            metadata={"path": exposure["url"]},
        )
        for exposure in manifest["exposures"].values()
    ]
