"""The contracts as JSON Schema, by name and version.

Belongs here: which versions there are and what is published of each. A version that was
published is never changed in what it refuses; a change of that kind is a new version.
"""

from typing import Any

from stores.event_bus.cloudevents import schema_path
from stores.event_bus.contracts import RULES
from stores.event_bus.rows import KINDS, Kind

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def published() -> list[Kind]:
    """Every contract in its newest version."""
    return list(KINDS)


def find(name: str, version: int) -> Kind | None:
    """The contract, or None."""
    return next((kind for kind in KINDS if (kind.name, kind.version) == (name, version)), None)


def json_schema(kind: Kind) -> dict[str, Any]:
    """What an event of this kind must be, and by which rule in words each field is judged."""
    schema = kind.event.model_json_schema()
    for name, field in schema["properties"].items():
        field["x-rule"] = RULES[name]
    return {
        "$schema": DIALECT,
        "$id": schema_path(kind),
        "x-version": kind.version,
        "x-counts-once-by": kind.topic.id_column,
    } | schema
