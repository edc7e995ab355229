"""What PostgreSQL's catalogue says of the tables of a publication.

Belongs here: read-only questions to the source. What the answers become belongs to `layout`.
"""

from dataclasses import dataclass
from typing import Any

from ingestion.cdc.types import SourceType

Connection = Any

MINIMUM_VERSION = 150_000


@dataclass(frozen=True)
class SourceColumn:
    """A published column. `number` (attnum) stays when the column is renamed."""

    name: str
    number: int
    type_oid: int
    type: SourceType
    is_nullable: bool


@dataclass(frozen=True)
class CurrentColumn:
    """A column as the catalogue has it now, which may be later than the log's place."""

    name: str
    number: int
    is_nullable: bool
    # What old rows show for a column added with a constant default, as text.
    missing_value: str | None
    type_oid: int = 0


@dataclass(frozen=True)
class SourceTable:
    """A published table, as it is now. `key` is what its rows are told apart by."""

    oid: int
    schema: str
    name: str
    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...]
    row_filter: str | None
    file_node: int
    block_count: int


def published_tables(connection: Connection, publication: str) -> list[SourceTable]:
    """Every table of the publication."""
    rows = connection.execute(
        "SELECT c.oid, p.schemaname, p.tablename, p.attnames::text[], p.rowfilter,"
        " coalesce(pg_relation_filenode(c.oid), 0),"
        " pg_relation_size(c.oid) / current_setting('block_size')::int"
        " FROM pg_publication_tables p"
        " JOIN pg_namespace n ON n.nspname = p.schemaname"
        " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename"
        " WHERE p.pubname = %s ORDER BY 2, 3",
        [publication],
    ).fetchall()
    return [
        SourceTable(
            oid, schema, name, _columns(connection, oid, names), _key(connection, oid),
            row_filter, node, blocks,
        )
        for oid, schema, name, names, row_filter, node, blocks in rows
    ]  # fmt: skip


def published_oids(connection: Connection, publication: str) -> set[int]:
    """Which tables are in the publication; cheap enough to ask every few seconds."""
    rows = connection.execute(
        "SELECT c.oid FROM pg_publication_tables p"
        " JOIN pg_namespace n ON n.nspname = p.schemaname"
        " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename"
        " WHERE p.pubname = %s",
        [publication],
    ).fetchall()
    return {oid for (oid,) in rows}


def published_table(connection: Connection, publication: str, oid: int) -> SourceTable | None:
    """One table by its oid; None where it is no longer published."""
    found = [table for table in published_tables(connection, publication) if table.oid == oid]
    return found[0] if found else None


def current_columns(connection: Connection, oid: int) -> dict[str, CurrentColumn]:
    """The columns a table has now, by name."""
    rows = connection.execute(
        "SELECT attname, attnum, NOT attnotnull,"
        " CASE WHEN atthasmissing THEN (attmissingval::text::text[])[1] END,"
        " atttypid::int8 FROM pg_attribute"
        " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped",
        [oid],
    ).fetchall()
    return {row[0]: CurrentColumn(*row) for row in rows}


def resolve_type(connection: Connection, oid: int, modifier: int) -> SourceType:
    """The type behind an oid, domains followed; an oid that is gone reads as text."""
    row = connection.execute(
        "SELECT t.typname, t.typtype, t.typbasetype, t.typtypmod,"
        " coalesce((SELECT e.oid FROM pg_type e WHERE e.typarray = t.oid), 0), t.typcategory"
        " FROM pg_type t WHERE t.oid = %s",
        [oid],
    ).fetchone()
    if row is None:
        return SourceType("unknown")
    name, kind, base, base_modifier, element, category = row
    if kind == "d":
        return resolve_type(connection, base, base_modifier)
    if category == "A" and element:
        return SourceType(name, kind, modifier, resolve_type(connection, element, modifier))
    return SourceType(name, kind, modifier)


def _columns(connection: Connection, oid: int, names: list[str]) -> tuple[SourceColumn, ...]:
    rows = connection.execute(
        "SELECT attname, attnum, atttypid, atttypmod, NOT attnotnull FROM pg_attribute"
        " WHERE attrelid = %s AND attname = ANY(%s) AND NOT attisdropped ORDER BY attnum",
        [oid, names],
    ).fetchall()
    return tuple(
        SourceColumn(name, number, type_oid, resolve_type(connection, type_oid, modifier), nullable)
        for name, number, type_oid, modifier, nullable in rows
    )


def _key(connection: Connection, oid: int) -> tuple[str, ...]:
    """The columns of the replica identity index if one is chosen, else of the primary key."""
    rows = connection.execute(
        "SELECT a.attname FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid"
        " AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END"
        " CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number"
        " WHERE c.oid = %s AND c.relreplident <> 'n' AND k.place <= i.indnkeyatts ORDER BY k.place",
        [oid],
    ).fetchall()
    return tuple(name for (name,) in rows)
