"""The captured tables and the event tables, as the warehouse project declares its sources.

Belongs here: the names that assets, checks and sensors share, read from dbt's manifest, so
that a table is declared once.
"""

from collections.abc import Mapping
from typing import Any


def source_tables(manifest: Mapping[str, Any], source: str) -> dict[str, str]:
    """Table -> description of one source, in alphabetical order."""
    found = {
        node["name"]: node["description"]
        for node in manifest["sources"].values()
        if node["source_name"] == source
    }
    return dict(sorted(found.items()))
