"""What PostgreSQL's catalogue says of the tables of a publication.

Belongs here: read-only questions to the source. What the answers become belongs to `layout`.
"""

from dataclasses import dataclass
from typing import Any

from ingestion.cdc.source_form import FormColumn, SourceForm, source_form, source_forms
from ingestion.cdc.types import SourceType, is_known

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
    # What the configuration does with it (`treatments`); empty: it is stored as it is.
    treatment: str = ""
    # Part of the key, of a type where two values may be adjusted to one: its text is stored.
    is_text_key: bool = False


@dataclass(frozen=True)
class SourceLeaf:
    """A partition that holds rows: where its part of a snapshot is read."""

    oid: int
    schema: str
    name: str
    file_node: int
    block_count: int


@dataclass(frozen=True)
class SourceTable:
    """A published table, as it is now. `key` is what its rows are told apart by.

    The root of partitions has no blocks of its own: `leaves` has them, and `block_count` is
    their sum.
    """

    oid: int
    schema: str
    name: str
    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...]
    row_filter: str | None
    file_node: int
    block_count: int
    leaves: tuple[SourceLeaf, ...] = ()


def published_tables(connection: Connection, publication: str) -> list[SourceTable]:
    """Every table of the publication, by name."""
    forms = source_forms(connection, publication).values()
    in_order = sorted(forms, key=lambda form: (form.schema, form.name))
    return [described(connection, publication, form) for form in in_order]


def published_oids(connection: Connection, publication: str) -> set[int]:
    """Which tables are in the publication; waits for no lock on any of them."""
    return set(source_forms(connection, publication))


def published_table(connection: Connection, publication: str, oid: int) -> SourceTable | None:
    """One table by its oid; None where it is no longer published. Waits for no other table."""
    form = source_form(connection, publication, oid)
    return described(connection, publication, form) if form else None


def described(connection: Connection, publication: str, form: SourceForm) -> SourceTable:
    """All that is to be known of a table before it is read; measuring it takes a lock on it."""
    leaves = _leaves(connection, [leaf.oid for leaf in form.leaves])
    blocks = sum(leaf.block_count for leaf in leaves) or _block_count(connection, form.oid)
    return SourceTable(
        form.oid, form.schema, form.name,
        tuple(_column(connection, column) for column in form.published), form.key,
        row_filter(connection, publication, form.oid), form.file_node, blocks, leaves,
    )  # fmt: skip


def row_filter(connection: Connection, publication: str, oid: int) -> str | None:
    """The condition that a row must meet to be published; None where all are."""
    row = connection.execute(
        "SELECT pg_get_expr(r.prqual, r.prrelid) FROM pg_publication_rel AS r"
        " JOIN pg_publication AS p ON p.oid = r.prpubid WHERE p.pubname = %s AND r.prrelid = %s",
        [publication, oid],
    ).fetchone()
    return row[0] if row else None


def _leaves(connection: Connection, oids: list[int]) -> tuple[SourceLeaf, ...]:
    rows = connection.execute(
        "SELECT c.oid, n.nspname, c.relname, pg_relation_filenode(c.oid)::int8,"
        " pg_relation_size(c.oid) / current_setting('block_size')::int"
        " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.oid = ANY(%s) ORDER BY c.oid",
        [oids],
    ).fetchall()
    return tuple(SourceLeaf(*row) for row in rows)


def _block_count(connection: Connection, oid: int) -> int:
    row = connection.execute(
        "SELECT coalesce(pg_relation_size(%s::oid), 0) / current_setting('block_size')::int", [oid]
    ).fetchone()
    return int(row[0]) if row else 0


def resolve_type(connection: Connection, oid: int, modifier: int) -> SourceType:
    """The type behind an oid, domains followed; an oid that is gone reads as text."""
    row = connection.execute(
        "SELECT t.typname, t.typtype, t.typbasetype, t.typtypmod, coalesce(e.oid, 0),"
        " coalesce(e.typdelim = ',', false), n.nspname"
        " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
        " LEFT JOIN pg_type e ON e.typarray = t.oid AND t.typcategory = 'A' WHERE t.oid = %s",
        [oid],
    ).fetchone()
    if row is None:
        return SourceType("unknown")
    name, kind, base, base_modifier, element, is_split_by_commas, schema = row
    if kind == "d":
        return resolve_type(connection, base, base_modifier)
    if schema != "pg_catalog" and is_known(name):
        # An extension's own type of a name that PostgreSQL has too.
        name = f"{schema}.{name}"
    if element and is_split_by_commas:
        return SourceType(name, kind, modifier, resolve_type(connection, element, modifier))
    return SourceType(name, kind, modifier)


def _column(connection: Connection, column: FormColumn) -> SourceColumn:
    type_ = resolve_type(connection, column.type_oid, column.type_modifier)
    return SourceColumn(column.name, column.number, column.type_oid, type_, column.is_nullable)
