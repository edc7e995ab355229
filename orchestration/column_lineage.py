"""Which columns a column is made of, for Dagster's pages.

Belongs here: reading that out of compiled SQL, and keeping what was read. Working it out takes
up to half a second a model, so it is done once for each text of a model.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

log = logging.getLogger(__name__)

# What a snapshot adds to the columns that it keeps.
_OF_A_VERSION = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
# `quantilesDD(0.5, 0.95)(x)`: the parser knows the parameters of some aggregates only, and what
# the result is made of is the argument.
_PARAMETERS = re.compile(r"\b\w+\([\d., ]+\)\(")

# (schema, name) -> asset key as text, columns where they are declared.
Parents = dict[tuple[str, str], tuple[str, list[str]]]
# Column -> [asset key as text, column].
Found = dict[str, list[tuple[str, str]]]


def same_columns(names: Iterable[str], of: dg.AssetKey) -> dg.TableColumnLineage:
    """Every column is the column of that name of one other table, as in a captured table."""
    return dg.TableColumnLineage(
        {name: [dg.TableColumnDep(asset_key=of, column_name=name)] for name in names}
    )


@dataclass(frozen=True)
class Tracer:
    """Traces the columns of one dbt project's models."""

    manifest: Mapping[str, Any]
    translator: DagsterDbtTranslator
    folder: Path
    """Where what was read is kept."""

    def trace(self, node: Any) -> dg.TableColumnLineage | None:
        """Of a model that dbt has compiled.

        None where its SQL cannot be read: a missing picture must not fail a build.
        """
        if str(node.resource_type) == "snapshot":
            ((key, columns),) = self._parents(node.unique_id).values()
            return same_columns(columns, dg.AssetKey.from_user_string(key))
        if not node.columns or not node.compiled_code:
            return None
        found = self._kept(node, self._parents(node.unique_id))
        return dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(asset_key=dg.AssetKey.from_user_string(key), column_name=name)
                    for key, name in made_of
                ]
                for column, made_of in found.items()
            }
        )

    def _parents(self, unique_id: str) -> Parents:
        found: Parents = {}
        for parent in self.manifest["parent_map"][unique_id]:
            props = self.manifest["nodes"].get(parent) or self.manifest["sources"][parent]
            place = (
                props["schema"],
                props.get("identifier") or props.get("alias") or props["name"],
            )
            key = self.translator.get_asset_key(props).to_user_string()
            columns = list(props["columns"])
            if props["resource_type"] == "snapshot":
                ((_, kept),) = self._parents(parent).values()
                columns = [*kept, *_OF_A_VERSION]
            found[place] = (key, columns)
        return found

    def _kept(self, node: Any, parents: Parents) -> Found:
        text = json.dumps([node.compiled_code, list(node.columns), sorted(parents.items())])
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        file = self.folder / f"{node.name}.{digest}.json"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            for older in self.folder.glob(f"{node.name}.*.json"):
                older.unlink(missing_ok=True)
            file.write_text(
                json.dumps(_read(node, parents, self.manifest["metadata"]["adapter_type"]))
            )
        found: Found = json.loads(file.read_text())
        return found


def _read(node: Any, parents: Parents, dialect: str) -> Found:
    """Column -> [asset, column] of the parents; nothing where the SQL is beyond the parser."""
    from sqlglot import MappingSchema, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    # Which slices and keys are made anew, tables that only the materialization knows; and which
    # rows are left out, which no model is made of (macros/without_quarantined.sql).
    tables: dict[str, Any] = {
        node.schema: {
            f"{node.name}__touched": {"slice": "Date"},
            f"{node.name}__changed": {"key": "UUID"},
        },
        "expectations": {"quarantined": {"suite": "String", "row_id": "String"}},
    }
    for (schema, name), (_, columns) in parents.items():
        if columns:
            tables.setdefault(schema, {})[name] = dict.fromkeys(columns, "String")
    known = MappingSchema(tables, dialect=dialect)
    found: Found = {}
    try:
        parsed = parse_one(_PARAMETERS.sub("any(", node.compiled_code), dialect=dialect)
        query = qualify(parsed, schema=known, dialect=dialect, validate_qualify_columns=False)
        scope = build_scope(query)
        for column in node.columns:
            traced = lineage(column, query, schema=known, dialect=dialect, scope=scope)
            found[column] = sorted(
                {made_of for part in traced.walk() if (made_of := _leaf(part, parents))}
            )
    except (SqlglotError, ValueError, KeyError) as error:
        log.warning("columns of %s cannot be traced: %s", node.name, str(error).splitlines()[0])
        return {}
    return found


def _leaf(part: Any, parents: Parents) -> tuple[str, str] | None:
    """The parent's column that a step of the tracing ends at."""
    place = (getattr(part.source, "db", ""), getattr(part.source, "name", ""))
    if part.downstream or place not in parents:
        return None
    return parents[place][0], part.name.rsplit(".", 1)[-1].strip('`"')
