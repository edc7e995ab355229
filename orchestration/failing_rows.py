"""The first rows that a failed dbt test found, for whoever has to mend them.

Belongs here: asking for them again, and leaving out what is personal. That a test failed is told
by `dbt_runs.py` in Dagster and by `interview_data.commands.dbt` at a shell. Imports neither.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.dbt_projects import OPERATIONAL
from stores.clickhouse import client as clickhouse
from stores.errors import PlatformError
from stores.postgres import client as postgres

FIRST_ROWS = 5
PERSONAL = "personal_data"
_LONGEST_VALUE = 80
# dbt's own tests give the tested column's values under these names.
_TESTED = {"unique_field", "value_field", "from_field"}


@dataclass(frozen=True)
class FirstRows:
    """Of a failed test: the model, the column where it tests one, and rows without what is
    personal. `left_out` names the columns that are."""

    model: str
    column: str | None
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]

    def text(self) -> str:
        """A table in Markdown, readable at a shell too."""
        where = f"{self.model}.{self.column}" if self.column else self.model
        lines = [f"First rows found in {where}:", ""]
        if self.names:
            lines += [_line(self.names), _line(["---"] * len(self.names)), *map(_line, self.rows)]
        if self.left_out:
            lines += ["", f"Personal, so not shown: {', '.join(self.left_out)}."]
        return "\n".join(lines)


def describe(project: str, manifest: Mapping[str, Any], unique_id: str, compiled: str) -> str:
    """The first rows as text; nothing without a query, and why not where a store is away."""
    if not compiled:
        return ""
    try:
        return first_rows(project, manifest, unique_id, compiled).text()
    except (PlatformError, clickhouse.Error, postgres.Error) as error:
        return f"The rows it found cannot be shown: {error}"


def first_rows(
    project: str, manifest: Mapping[str, Any], unique_id: str, compiled: str
) -> FirstRows:
    """What the test's own query finds now; that may be less than when it failed."""
    test = manifest["nodes"][unique_id]
    names, rows = _query(project, f"SELECT * FROM (\n{compiled}\n) AS failed LIMIT {FIRST_ROWS}")
    personal = personal_columns(manifest)
    tested = test.get("column_name")
    hidden = personal | (_TESTED if tested in personal else set())
    shown = [place for place, name in enumerate(names) if name not in hidden]
    return FirstRows(
        _model_of(manifest, test),
        tested,
        tuple(names[place] for place in shown),
        tuple(tuple(_value(row[place]) for place in shown) for row in rows),
        tuple(sorted({tested if name in _TESTED else name for name in names} & personal)),
    )


def personal_columns(manifest: Mapping[str, Any]) -> set[str]:
    """Names of columns that are tagged as personal in any model."""
    return {
        column["name"]
        for node in manifest["nodes"].values()
        for column in node.get("columns", {}).values()
        if PERSONAL in (*column.get("tags", ()), *column.get("config", {}).get("tags", ()))
    }


def _model_of(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    """The model that a test is about: for one of its own words, the asset it is shown at."""
    if attached := test.get("attached_node"):
        return str(manifest["nodes"][attached]["name"])
    meta = test.get("config", {}).get("meta", {}).get("dagster", {})
    return str(meta.get("ref", {}).get("name") or test["name"])


def _query(project: str, query: str) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    if project == OPERATIONAL.name:
        with postgres.connect() as connection:
            # The query is dbt's own, compiled from our tests.
            cursor = connection.execute(query.encode())
            return [column.name for column in cursor.description or ()], cursor.fetchall()
    found = clickhouse.connect().query(query)
    return found.column_names, found.result_rows


def _value(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _line(values: Iterable[str]) -> str:
    return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"
