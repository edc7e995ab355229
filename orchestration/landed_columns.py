"""The columns of landed tables, and which columns of their source they are.

Belongs here: what ClickHouse says of the tables that capture and the event writer keep. A
captured column is the product's column of that name, a column of an event the field of that
name; what landing itself adds comes from nowhere. What a column means is said by the contract of
the event, and of a captured one by the staging model that renames it.
"""

import re
from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.assets.sources import API_INPUTS
from stores.clickhouse.client import ClickHouseClient
from stores.event_bus.schemas import published

_INPUT_OF = {table: ["api", name.replace("-", "_")] for name, table in API_INPUTS.items()}
# Columns of events that are made of a field with another name.
_MADE_OF = {"date": "timestamp"}

# As every staging model takes a captured column: cast(users.email as String) as email
_STAGED = re.compile(r"^\s*cast\((\w+)\.(\w+) as .+\) as (\w+),?$", re.MULTILINE)

Metadata = dict[str, dg.TableSchema | dg.TableColumnLineage]
Words = Mapping[str, Mapping[str, str]]


def words_of_staging(manifest: Mapping[str, Any]) -> Words:
    """Captured table -> column -> what its staging model says of it."""
    found: dict[str, dict[str, str]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["name"].startswith("stg_oltp__"):
            for table, column, name in _STAGED.findall(node["raw_code"]):
                found.setdefault(table, {})[column] = node["columns"][name]["description"]
    return found


def words_of_contracts() -> Words:
    """Event table -> column -> what the contract says of its field."""
    return {
        kind.topic.table.rsplit(".", 1)[-1]: {
            name: field.description or "" for name, field in kind.event.model_fields.items()
        }
        for kind in published()
    }


def column_metadata(
    client: ClickHouseClient, database: str, words: Words
) -> Mapping[str, Metadata]:
    """Table -> its columns and where they come from, of all tables of a landed database."""
    rows = client.query(
        "SELECT table, groupArray((name, type)) FROM (SELECT table, name, type FROM system.columns"
        " WHERE database = {database:String} ORDER BY table, position) GROUP BY table",
        parameters={"database": database},
    ).result_rows
    found: dict[str, Metadata] = {}
    for table, columns in rows:
        source = _INPUT_OF.get(table, ["postgres", table])
        names = {name for name, _ in columns}
        is_of_events = database == "analytics"
        said = words.get(table, {})
        known = (said.keys() if is_of_events else ()) or names
        made_of_others = _MADE_OF if is_of_events else {}
        found[table] = {
            "dagster/column_schema": dg.TableSchema(
                [
                    dg.TableColumn(name, type=kind, description=said.get(name))
                    for name, kind in columns
                ]
            ),
            "dagster/column_lineage": dg.TableColumnLineage(
                {
                    name: [dg.TableColumnDep(dg.AssetKey(source), made_of)]
                    for name in sorted(names)
                    if (made_of := made_of_others.get(name, name)) in known
                }
            ),
        }
    return found
