"""What the platform does not make: the product's tables and what the API is sent.

Belongs here: external assets at the left edge of the lineage.
"""

from collections.abc import Mapping

import dagster as dg

from orchestration import layers

# What the API takes -> the table it lands in.
API_INPUTS = {
    "events": "user_events",
    "interview-metrics": "interview_metrics",
    "api-metrics": "api_metrics",
}
_API_DESCRIPTIONS = {
    "events": "User events as posted to /v1/events.",
    "interview-metrics": "Measurements as posted to /v1/interview-metrics.",
    "api-metrics": "Requests as posted to /v1/api-metrics, and the API's own.",
}


def source_specs(captured: Mapping[str, str]) -> list[dg.AssetSpec]:
    """PostgreSQL's tables and the API's inputs."""
    tables = [
        dg.AssetSpec(
            ["postgres", table],
            description=description,
            group_name=layers.SOURCES,
            owners=[layers.BACKEND],
            kinds={"postgres", "table"},
        )
        for table, description in captured.items()
    ]
    inputs = [
        dg.AssetSpec(
            ["api", name.replace("-", "_")],
            description=_API_DESCRIPTIONS[name],
            group_name=layers.SOURCES,
            owners=[layers.BACKEND],
            kinds={"api"},
            metadata={"path": f"/v1/{name}"},
        )
        for name in API_INPUTS
    ]
    return [*tables, *inputs]
