"""A built model's rows in bulk: which columns, since when, as Arrow batches straight off the wire.

Belongs here: what `export` and `profile` share: finding a model, its columns without personal
data, and the query. Rows are never turned into Python objects.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stores.clickhouse.client import ClickHouseClient, Error
from stores.errors import InputInvalid, StateConflict, StoreUnavailable

# A stream that feeds a slow disk is open for long; only silence ends it.
SILENCE_SECONDS = 300
_DAYS = ("Date", "Date32", "DateTime")


@dataclass(frozen=True)
class Column:
    """A column as it is built, and whether dbt says that it holds personal data."""

    name: str
    kind: str
    is_personal: bool

    @property
    def bare(self) -> str:
        """The type without NULL and dictionary around it."""
        found = self.kind
        while found.startswith(("Nullable(", "LowCardinality(")):
            found = found[found.index("(") + 1 : -1]
        return found

    @property
    def is_time(self) -> bool:
        """A day or a moment."""
        return self.bare.startswith(_DAYS)

    def selected(self, is_flat: bool) -> str:
        """The expression whose Arrow type says what the column is; `is_flat` for CSV, which has
        no lists."""
        name = f"`{self.name}`"
        if self.bare.startswith(("UUID", "IPv", "Enum", "Int128", "Int256", "UInt128", "UInt256")):
            return f"toString({name}) AS {name}"
        if self.bare in ("Date", "Date32"):
            # Else a number of days.
            return f"toDate32({name}) AS {name}"
        if self.bare.startswith("DateTime"):
            places = self.bare[len("DateTime64(")] if self.bare.startswith("DateTime64") else "0"
            return f"toDateTime64({name}, {places}, 'UTC') AS {name}"
        if self.kind.startswith("LowCardinality"):
            inner = self.kind[len("LowCardinality(") : -1]
            return f"CAST({name} AS {inner}) AS {name}"
        if self.bare.startswith(("Map", "Tuple", "JSON")) or (
            is_flat and self.bare.startswith("Array")
        ):
            return f"toJSONString({name}) AS {name}"
        return name


@dataclass(frozen=True)
class Model:
    """A model of dbt that is built."""

    database: str
    name: str
    columns: Sequence[Column]

    def chosen(self, names: Sequence[str], with_personal: bool) -> list[Column]:
        """The columns asked for, by default all without personal data.

        Raises InputInvalid where one is unknown, or personal and not allowed for.
        """
        known = {column.name: column for column in self.columns}
        for name in names:
            if name not in known:
                raise InputInvalid("--columns", _unknown(name, known, f"columns of {self.name}"))
            if known[name].is_personal and not with_personal:
                raise InputInvalid(
                    "--columns", f"{name} holds personal data: give --with-personal-data too"
                )
        wanted = [known[name] for name in names] or list(self.columns)
        # A state of an aggregate is nothing that a file could hold.
        kept = [column for column in wanted if not column.bare.startswith("AggregateFunction")]
        return [column for column in kept if with_personal or not column.is_personal]

    def time_column(self, by: str | None) -> Column:
        """The column that --since is about: the one named, else the first day or time.

        Raises InputInvalid where there is none.
        """
        times = [column for column in self.columns if column.is_time]
        if by:
            found = [column for column in times if column.name == by]
            if not found:
                names = {column.name: column for column in times}
                raise InputInvalid("--by", _unknown(by, names, f"days and times of {self.name}"))
            return found[0]
        if not times:
            raise InputInvalid(
                "--since", f"{self.name} has no column with a day or a time; leave it out"
            )
        return times[0]


def find_model(client: ClickHouseClient, name: str, manifest: dict[str, Any]) -> Model:
    """The model `name`. Raises InputInvalid with near names, StateConflict if it is not built."""
    nodes = {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "snapshot")
    }
    if name not in nodes:
        raise InputInvalid("MODEL", _unknown(name, nodes, "models"))
    node = nodes[name]
    rows = client.query(
        "SELECT name, type FROM system.columns"
        " WHERE database = {database:String} AND table = {table:String} ORDER BY position",
        parameters={"database": node["schema"], "table": node["alias"]},
    ).result_rows
    if not rows:
        raise StateConflict(
            f"{name} is not built yet: interview-data dbt warehouse build --select +{name}"
        )
    tagged = {
        column
        for column, said in node["columns"].items()
        if "personal_data" in (said.get("tags") or [])
        or "personal_data" in ((said.get("config") or {}).get("tags") or [])
    }
    columns = [Column(str(column), str(kind), column in tagged) for column, kind in rows]
    return Model(node["schema"], node["alias"], columns)


def _unknown(name: str, known: Any, what: str) -> str:
    near = difflib.get_close_matches(name, list(known), n=5, cutoff=0.4)
    said = f"did you mean {', '.join(near)}?" if near else f"{what}: {', '.join(sorted(known))}"
    return f"{name} is none of the {what}; {said}" if near else f"{name} is unknown; {said}"


@dataclass(frozen=True)
class Span:
    """From `since` up to, and without, `until`, by a column."""

    column: Column
    since: datetime | None
    until: datetime | None

    @property
    def condition(self) -> str:
        """With its bounds as parameters."""
        compared = f"toDateTime64(`{self.column.name}`, 6, 'UTC')"
        parts = []
        if self.since:
            parts.append(f"{compared} >= {{since:DateTime64(6, 'UTC')}}")
        if self.until:
            parts.append(f"{compared} < {{until:DateTime64(6, 'UTC')}}")
        return " AND ".join(parts) or "true"

    @property
    def parameters(self) -> dict[str, Any]:
        """For the condition."""
        return {
            name: value for name, value in (("since", self.since), ("until", self.until)) if value
        }


def count(client: ClickHouseClient, model: Model, span: Span | None) -> int:
    """How many rows there are."""
    where = span.condition if span else "true"
    rows = client.query(
        f"SELECT count() FROM {model.database}.{model.name} WHERE {where}",
        parameters=span.parameters if span else None,
    ).result_rows
    return int(rows[0][0])


def batches(
    client: ClickHouseClient,
    model: Model,
    columns: Sequence[Column],
    span: Span | None,
    *,
    is_flat: bool = False,
    limit: int | None = None,
) -> Iterator[Any]:
    """The rows as Arrow record batches, one block of the server after the other; at least one.

    Raises StoreUnavailable where the stream breaks off: what was read until then is not all.
    """
    import pyarrow as pa

    selected = ", ".join(column.selected(is_flat) for column in columns)
    query = f"SELECT {selected} FROM {model.database}.{model.name}"
    query += f" WHERE {span.condition}" if span else ""
    query += f" LIMIT {limit}" if limit else ""
    asked: dict[str, Any] = {
        "parameters": span.parameters if span else None,
        "settings": {"max_block_size": 65_536},
        "use_strings": True,
    }
    is_empty = True
    try:
        with client.query_arrow_stream(query, **asked) as stream:
            for batch in stream:
                is_empty = False
                yield batch
        if is_empty:
            schema = client.query_arrow(f"SELECT * FROM ({query}) LIMIT 0", **asked).schema
            yield pa.RecordBatch.from_pylist([], schema=schema)
    except (Error, pa.ArrowException) as error:
        raise StoreUnavailable(f"ClickHouse broke off: {error}") from error
