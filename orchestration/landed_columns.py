"""The columns of landed tables, and which columns of their source they are.

Belongs here: what ClickHouse says of the tables that capture and the event writer keep. A
captured column is the product's column of that name, a column of an event the field of that
name; what landing itself adds comes from nowhere.
"""

from collections.abc import Mapping

import dagster as dg

from orchestration.assets.sources import API_INPUTS
from stores.clickhouse.client import ClickHouseClient
from stores.event_bus.schemas import published

_INPUT_OF = {table: ["api", name.replace("-", "_")] for name, table in API_INPUTS.items()}
# Columns of events that are made of a field with another name.
_MADE_OF = {"date": "timestamp"}

Metadata = dict[str, dg.TableSchema | dg.TableColumnLineage]


def column_metadata(client: ClickHouseClient, database: str) -> Mapping[str, Metadata]:
    """Table -> its columns and where they come from, of all tables of a landed database."""
    rows = client.query(
        "SELECT table, groupArray((name, type)) FROM (SELECT table, name, type FROM system.columns"
        " WHERE database = {database:String} ORDER BY table, position) GROUP BY table",
        parameters={"database": database},
    ).result_rows
    fields = {kind.topic.table.rsplit(".", 1)[-1]: kind.event.model_fields for kind in published()}
    found: dict[str, Metadata] = {}
    for table, columns in rows:
        source = _INPUT_OF.get(table, ["postgres", table])
        names = {name for name, _ in columns}
        is_of_events = database == "analytics"
        said = fields.get(table, {}) if is_of_events else {}
        known = said.keys() or names
        made_of_others = _MADE_OF if is_of_events else {}
        found[table] = {
            "dagster/column_schema": dg.TableSchema(
                [
                    dg.TableColumn(
                        name,
                        type=kind,
                        description=said[name].description if name in said else None,
                    )
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
