"""Each published table as capture needs it: grants, identity, columns that need a word.

Belongs here: read-only questions about tables. What the server itself must have is
`doctor_source`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.cdc.catalog import SourceTable, published_tables
from ingestion.cdc.findings import Finding, error, ok, warning
from ingestion.cdc.layout import layout_of, problem_with
from ingestion.cdc.names import target_of, targets
from ingestion.cdc.source import SourceDatabase, quote_source, table_name

_TABLES = """
SELECT c.oid, n.nspname, c.relname, c.relreplident,
    has_schema_privilege(n.oid, 'USAGE'),
    has_table_privilege(c.oid, 'SELECT') OR NOT EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = ANY (p.attnames)
        AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT')),
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
        AND NOT i.indimmediate),
    p.rowfilter,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped AND a.attname = ANY (p.attnames) AND a.attstorage IN ('x', 'e')
        ORDER BY a.attnum),
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped AND a.attgenerated <> '' AND NOT a.attname = ANY (p.attnames)
        ORDER BY a.attnum),
    current_user::text
FROM pg_publication_tables p
JOIN pg_namespace n ON n.nspname = p.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
WHERE p.pubname = %s ORDER BY 2, 3
"""
# A publication of all tables, or of a schema, leaves these out without a word.
_UNLOGGED = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'u' AND c.relkind IN ('r', 'p')
AND EXISTS (SELECT FROM pg_publication p WHERE p.pubname = %s AND (p.puballtables
    OR EXISTS (SELECT FROM pg_publication_namespace s
        WHERE s.pnpubid = p.oid AND s.pnnspid = n.oid)))
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class _Table:
    oid: int
    schema: str
    name: str
    identity: str
    may_use_schema: bool
    may_select: bool
    has_deferrable_key: bool
    row_filter: str | None
    large_columns: list[str]
    generated_columns: list[str]
    role: str

    @property
    def full_name(self) -> str:
        """Quoted for SQL."""
        return table_name(self.schema, self.name)


def table_findings(database: SourceDatabase, publication: str) -> Iterator[Finding]:
    """Every published table: at least one finding each."""
    published = published_tables(database.connection, publication)
    problems = {table.oid: problem_with(layout_of(table)) for table in published}
    yield from _names(published)
    for row in database.query(_TABLES, [publication]):
        table = _Table(*row)
        found = [*_grants(table), *_identity(table, problems.get(table.oid)), *_columns(table)]
        yield from found or [ok(_subject(table), "Can be captured as it is.")]
    for schema, name in database.query(_UNLOGGED, [publication]):
        yield warning(
            f"table {schema}.{name}",
            "It is unlogged: it leaves nothing in the log, and the publication leaves it out.",
            f"ALTER TABLE {table_name(schema, name)} SET LOGGED;",
        )


def _names(published: list[SourceTable]) -> Iterator[Finding]:
    names = targets((table.oid, table.schema, table.name) for table in published)
    for table in published:
        if names[table.oid] != target_of(table.schema, table.name):
            yield warning(
                f"table {table.schema}.{table.name}",
                "Another published table is called the same in ClickHouse; of the two, the one"
                f" captured later adds its oid: it would be {names[table.oid]} now.",
                "Rename one of them, or publish them apart into two target databases.",
            )


def _subject(table: _Table) -> str:
    return f"table {table.schema}.{table.name}"


def _grants(table: _Table) -> Iterator[Finding]:
    role = quote_source(table.role)
    if not table.may_use_schema:
        yield error(
            _subject(table),
            f"{table.role} may not use schema {table.schema}: the table cannot be read.",
            f"GRANT USAGE ON SCHEMA {quote_source(table.schema)} TO {role};",
        )
    if not table.may_select:
        yield error(
            _subject(table),
            f"{table.role} may not read it: there can be no snapshot.",
            f"GRANT SELECT ON {table.full_name} TO {role};",
        )


def _identity(table: _Table, problem: str | None) -> Iterator[Finding]:
    subject = _subject(table)
    if table.identity == "n":
        yield error(
            subject,
            "Its replica identity is NOTHING: PostgreSQL refuses every UPDATE and DELETE of it.",
            f"ALTER TABLE {table.full_name} REPLICA IDENTITY DEFAULT;",
        )
    elif problem:
        yield error(
            subject,
            f"It would be quarantined: {problem}.",
            f"ALTER TABLE {table.full_name} ADD PRIMARY KEY (…);",
        )
    elif table.identity == "d" and table.has_deferrable_key:
        yield error(
            subject,
            "Its primary key is deferrable, which identifies no row in the log.",
            f"ALTER TABLE {table.full_name} REPLICA IDENTITY FULL;",
        )
    elif table.identity in ("d", "i") and table.large_columns:
        names = ", ".join(table.large_columns[:5])
        more = len(table.large_columns) - 5
        yield ok(
            subject,
            f"Large values of {names}{f' and {more} more' if more > 0 else ''} are not in the log"
            " when another column changes; capture finds them in ClickHouse, else in the table.",
        )
    elif table.identity == "f":
        yield ok(
            subject,
            "Its replica identity is FULL: every UPDATE and DELETE writes the whole old row into"
            " the log.",
        )


def _columns(table: _Table) -> Iterator[Finding]:
    if table.row_filter:
        yield ok(_subject(table), "Only rows that pass its publication's filter are captured.")
    if table.generated_columns:
        yield warning(
            _subject(table),
            f"Generated columns are not published: {', '.join(table.generated_columns)}.",
            "On PostgreSQL 18: ALTER PUBLICATION … SET (publish_generated_columns = stored);",
        )
