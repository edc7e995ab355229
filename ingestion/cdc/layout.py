"""What a captured table is in ClickHouse: its storage, its view, and the statement that fills it.

Belongs here: the SQL of one table's form. When it is run belongs to `apply` and `snapshot`; how a
form changes belongs to `schema_changes`.

Storage holds every version not yet merged away; the view shows the newest of each key, deleted
rows hidden. `_adjusted` keeps, by column, PostgreSQL's own text of each value that ClickHouse
could not hold exactly, so nothing is ever changed silently.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from ingestion.cdc.catalog import SourceColumn, SourceTable
from ingestion.cdc.treatments import (
    ColumnTreatment,
    hash_codec,
    is_excluded,
    is_hashed,
    treated,
)
from ingestion.cdc.types import Codec, SourceType, as_text, codec_of, quote_text

# Enough batches for a retry that comes an hour late at five batches a second.
DEDUPLICATION_WINDOW = 20_000
# One insert's part is one file to be synced, not several of each column.
SMALLEST_WIDE_PART_BYTES = 32 << 20
# An insert is read and cast in blocks that fit into the processor's cache, then joined to one:
# stored as a whole or not at all, and once, however often it is sent.
ONE_PART = {
    "max_insert_block_size": 1 << 16,
    "min_insert_block_size_rows": 1 << 30,
    "min_insert_block_size_bytes": 4 << 30,
    "max_insert_threads": 1,
}
OWN_COLUMNS = ("_version", "_is_deleted", "_adjusted", "_captured_at")
_NOTHING = Codec("String", lambda text: text, lambda value: value, can_be_nullable=False)
_ADJUSTED_TYPE = "Map(LowCardinality(String), Nullable(String))"


@dataclass(frozen=True)
class Layout:
    """The columns in the order the log gives them, and the key rows are told apart by."""

    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def stored(self) -> tuple[SourceColumn, ...]:
        """The columns that ClickHouse has: the log gives also those that are left out."""
        return tuple(column for column in self.columns if not is_excluded(column))

    @property
    def stored_names(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(column.name for column in self.stored)

    @property
    def key_positions(self) -> tuple[int, ...]:
        """Where the key's columns stand."""
        return tuple(self.names.index(name) for name in self.key)

    def to_json(self) -> str:
        """For keeping in ClickHouse."""
        return json.dumps({"columns": [asdict(column) for column in self.columns], "key": self.key})

    @staticmethod
    def from_json(text: str) -> "Layout":
        """What `to_json` wrote."""
        data = json.loads(text)
        columns = tuple(
            SourceColumn(**{**item, "type": _type(item["type"])}) for item in data["columns"]
        )
        return Layout(columns, tuple(data["key"]))


def layout_of(
    table: SourceTable,
    treatments: tuple[ColumnTreatment, ...] = (),
    before: Layout | None = None,
) -> Layout:
    """The form of a table as the catalogue has it, with what is to be done with its columns.

    A column that was treated in `before` stays treated: what somebody wanted left out must not
    appear under another name.
    """
    known = {column.number: column for column in before.columns} if before else {}
    columns = []
    for column in table.columns:
        made, old = treated(column, table.schema, table.name, treatments), known.get(column.number)
        if not made.treatment and old is not None:
            made = replace(made, treatment=old.treatment)
        is_adjustable = codec_of(column.type).fits is not None
        columns.append(replace(made, is_text_key=column.name in table.key and is_adjustable))
    return Layout(tuple(columns), table.key)


def problem_with(layout: Layout) -> str | None:
    """Why a table of this form cannot be captured; None where it can."""
    if not layout.key:
        return (
            "it has neither a primary key nor a replica identity index, so its rows cannot be told"
            " apart; add a primary key, or ALTER TABLE … REPLICA IDENTITY USING INDEX …"
        )
    missing = [name for name in layout.key if name not in layout.names]
    if missing:
        return f"the publication leaves out key column {missing[0]}"
    taken = [name for name in layout.names if name in OWN_COLUMNS]
    if taken:
        return f"its column {taken[0]} has a name that capture uses itself; rename it"
    return None


def log_database(target_database: str) -> str:
    """Where the storages of a target database are."""
    return f"{target_database}_log"


def quote(name: str) -> str:
    """A ClickHouse identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def qualified(database: str, name: str) -> str:
    """A table's full name."""
    return f"{quote(database)}.{quote(name)}"


def codec_of_column(column: SourceColumn) -> Codec:
    """The codec of a column: its type's, or its treatment's."""
    if is_hashed(column):
        return hash_codec(column)
    if is_excluded(column):
        return _NOTHING
    codec = codec_of(column.type)
    return as_text(codec) if column.is_text_key else codec


def stored_type(column: SourceColumn) -> str:
    """The ClickHouse type of a column, Nullable as in the source."""
    codec = codec_of_column(column)
    if not column.is_nullable or not codec.can_be_nullable:
        return codec.clickhouse_type
    if codec.clickhouse_type == "LowCardinality(String)":
        return "LowCardinality(Nullable(String))"
    return f"Nullable({codec.clickhouse_type})"


def create_storage(database: str, name: str, layout: Layout, comment: str) -> str:
    """The table of versions. An insert is on disk before it is acknowledged, because the
    source forgets what we acknowledge."""
    columns = "".join(
        f"  {quote(column.name)} {stored_type(column)},\n" for column in layout.stored
    )
    key = ", ".join(quote(part) for part in layout.key)
    return (
        f"CREATE TABLE IF NOT EXISTS {qualified(database, name)} (\n{columns}"
        f"  _version UInt128,\n  _is_deleted UInt8,\n  _adjusted {_ADJUSTED_TYPE},\n"
        "  _captured_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),\n"
        "  INDEX _version_range _version TYPE minmax GRANULARITY 1\n"
        f") ENGINE = ReplacingMergeTree(_version, _is_deleted) ORDER BY ({key})\n"
        f"SETTINGS non_replicated_deduplication_window = {DEDUPLICATION_WINDOW},"
        " fsync_after_insert = 1, fsync_part_directory = 1,"
        f" min_bytes_for_wide_part = {SMALLEST_WIDE_PART_BYTES}"
        f" COMMENT {quote_text(comment)}"
    )


def create_view(view_database: str, view: str, database: str, storage: str, layout: Layout) -> str:
    """What people query: every column in the form of its type."""
    columns = ", ".join(_shown(column) for column in layout.stored)
    return (
        f"CREATE OR REPLACE VIEW {qualified(view_database, view)} AS SELECT {columns}"
        f" FROM {qualified(database, storage)} AS stored FINAL WHERE _is_deleted = 0"
    )


def insert_changes(
    database: str, storage: str, layout: Layout, *, blanks_deletions: bool = False
) -> str:
    """Takes rows of (version, is deleted, a text to skip, each column's text) as RowBinary.

    `blanks_deletions`: a deletion may give more than its key, which is not to be kept.
    """
    given = "v UInt128, d UInt8, s String, " + _text_columns(layout)
    into = f"INSERT INTO {qualified(database, storage)} {_targets(layout)}"
    rows = f"input({quote_text(given)})"
    if blanks_deletions:
        texts = ", ".join(
            f"c{index}" if name in layout.key else f"if(d = 1, NULL, c{index}) AS c{index}"
            for index, name in enumerate(layout.names)
        )
        rows = f"(SELECT v, d, {texts} FROM {rows})"
    return f"{into} {_values(layout, 'v', 'd')} FROM {rows} FORMAT RowBinary"


def insert_snapshot(
    database: str, storage: str, layout: Layout, version: int, *, storage_mark: str | None = None
) -> str:
    """Takes what COPY … TO STDOUT writes of the stored columns; every row gets `version`.

    With `storage_mark`, rows go into the storage of that comment or nowhere: one of the same
    name may have taken its place.
    """
    layout = Layout(layout.stored, layout.key)
    table = qualified(database, storage)
    into = f"INSERT INTO {table} {_targets(layout)}"
    values = _values(layout, f"toUInt128('{version}')", "0", is_copied=True)
    given = quote_text(_copied_columns(layout))
    where = ""
    if storage_mark is not None:
        comment = (
            f"SELECT comment FROM system.tables WHERE database = {quote_text(database)}"
            f" AND name = {quote_text(storage)}"
        )
        where = f" WHERE ({comment}) = {quote_text(storage_mark)}"
    return f"{into} {values} FROM input({given}){where} FORMAT TabSeparated"


def insert_tombstones(database: str, storage: str, layout: Layout, version: int) -> str:
    """Deletes, at `version`, every key present with an older one."""
    table = qualified(database, storage)
    key = ", ".join(quote(part) for part in layout.key)
    return (
        f"INSERT INTO {table} ({key}, _version, _is_deleted)"
        f" SELECT {key}, toUInt128('{version}'), 1 FROM {table} FINAL"
        f" WHERE _is_deleted = 0 AND _version < toUInt128('{version}')"
    )


def stored_text(column: SourceColumn) -> str:
    """PostgreSQL's text of the stored value, adjusted ones as they were before. Of a hashed
    one what stores the same hash again; of one that is left out nothing."""
    if is_excluded(column):
        return "CAST(NULL, 'Nullable(String)')"
    name, key = quote(column.name), quote_text(column.name)
    codec = codec_of_column(column)
    text = codec.render(f"assumeNotNull({name})")
    if column.is_nullable and codec.can_be_nullable:
        text = f"if(isNull({name}), NULL, {text})"
    if codec.fits is None:
        return text
    return f"if(mapContains(_adjusted, {key}), _adjusted[{key}], {text})"


def _shown(column: SourceColumn) -> str:
    name = quote(column.name)
    if not column.is_text_key or is_hashed(column):
        return name
    text, codec = f"stored.{name}", codec_of(column.type)
    fits, nearest = codec.fits or _always, codec.nearest or codec.parse
    value = f"if({fits(text)}, {codec.parse(text)}, {nearest(text)})"
    form = quote_text(codec.clickhouse_type)
    return f"CAST(ifNull({value}, defaultValueOfTypeName({form})), {form}) AS {name}"


def _always(_: str) -> str:
    return "1"


def _targets(layout: Layout) -> str:
    names = ", ".join(quote(name) for name in layout.stored_names)
    return f"({names}, _version, _is_deleted, _adjusted)"


def _values(layout: Layout, version: str, is_deleted: str, *, is_copied: bool = False) -> str:
    values = ", ".join(
        _value(column, f"c{index}", is_deleted, is_parsed=is_copied and _is_read_alike(column))
        for index, column in enumerate(layout.columns)
        if not is_excluded(column)
    )
    return f"SELECT {values}, {version}, {is_deleted}, {_adjusted(layout, is_deleted)}"


def _text_columns(layout: Layout) -> str:
    return ", ".join(f"c{index} Nullable(String)" for index in range(len(layout.columns)))


def _copied_columns(layout: Layout) -> str:
    """What need not be a text first is not: ClickHouse reads COPY's text into its own type."""
    return ", ".join(
        f"c{index} Nullable("
        f"{codec_of_column(column).clickhouse_type if _is_read_alike(column) else 'String'})"
        for index, column in enumerate(layout.columns)
    )


def _is_read_alike(column: SourceColumn) -> bool:
    return codec_of_column(column).is_read_alike


def _value(column: SourceColumn, text: str, is_deleted: str, *, is_parsed: bool) -> str:
    """A tombstone holds only its key. A NULL where none is allowed must fail, not become 0."""
    codec = codec_of_column(column)
    stored, value = stored_type(column), text if is_parsed else codec.value(text)
    empty = f"defaultValueOfTypeName({quote_text(codec.clickhouse_type)})"
    if not codec.can_be_nullable:
        return f"if(isNull({text}), {empty}, CAST({value}, {quote_text(stored)}))"
    if not column.is_nullable:
        filled = value if codec.fits is None else f"ifNull({value}, {empty})"
        value = f"multiIf(isNotNull({text}), {filled}, {is_deleted} = 1, {empty}, NULL)"
    return f"CAST({value}, {quote_text(stored)})"


def _adjusted(layout: Layout, is_deleted: str) -> str:
    """Nearly every row fits, so the map is only built where one value does not."""
    misfits = [
        (column.name, f"c{index}", _misfit(column, f"c{index}", is_deleted))
        for index, column in enumerate(layout.columns)
        if codec_of_column(column).fits is not None
    ]
    nothing = f"CAST(map(), {quote_text(_ADJUSTED_TYPE)})"
    if not misfits:
        return nothing
    pairs = ", ".join(
        f"(if({misfit}, {quote_text(name)}, ''), {text})" for name, text, misfit in misfits
    )
    found = f"arrayFilter(pair -> pair.1 != '', [{pairs}])"
    is_any = " OR ".join(f"({misfit})" for _, _, misfit in misfits)
    return f"if({is_any}, CAST({found}, {quote_text(_ADJUSTED_TYPE)}), {nothing})"


def _misfit(column: SourceColumn, text: str, is_deleted: str) -> str:
    codec = codec_of_column(column)
    fits = codec.fits(text) if codec.fits else "1"
    misfit = f"ifNull(NOT {fits}, 0)"
    if codec.can_be_nullable:
        return misfit
    return f"({misfit} OR (isNull({text}) AND {is_deleted} = 0))"


def _type(data: dict[str, Any]) -> SourceType:
    element = data.get("element")
    return SourceType(**{**data, "element": _type(element) if element else None})
