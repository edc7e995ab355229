"""The migrations make the reference schema, from nothing and again.

The snapshots are the schema as databases describe it. After a deliberate change, write them
again with `UPDATE_SNAPSHOTS=1 pytest tests/integration/test_schemas.py` and read the difference.
"""

import os
from pathlib import Path

from stores.clickhouse import client as clickhouse
from stores.postgres import client as postgres

SNAPSHOTS = Path(__file__).resolve().parents[1] / "snapshots"

POSTGRES_SCHEMA = """
SELECT format('%s.%s %s %s%s%s', table_schema, table_name, column_name,
              CASE WHEN data_type = 'numeric'
                   THEN format('numeric(%s,%s)', numeric_precision, numeric_scale)
                   WHEN character_maximum_length IS NOT NULL
                   THEN format('varchar(%s)', character_maximum_length)
                   WHEN data_type = 'ARRAY' THEN udt_name ELSE data_type END,
              CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END,
              coalesce(' default ' || column_default, ''))
FROM information_schema.columns
WHERE table_schema IN ('public', 'platform')
ORDER BY table_schema, table_name, ordinal_position
"""
POSTGRES_INDEXES = """
SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', 'platform')
ORDER BY schemaname, tablename, indexname
"""
POSTGRES_CONSTRAINTS = """
SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE connamespace IN ('public'::regnamespace, 'platform'::regnamespace) AND contype IN ('f', 'c')
ORDER BY 1
"""
POSTGRES_PUBLICATION = """
SELECT format('%s publishes %s', pubname, tablename) FROM pg_publication_tables ORDER BY 1
"""
CLICKHOUSE_SCHEMA = """
SELECT create_table_query FROM system.tables
WHERE database IN ('analytics', 'platform') AND NOT startsWith(name, '.inner')
ORDER BY database, name
"""


def _matches(name: str, lines: list[str]) -> bool:
    path = SNAPSHOTS / name
    text = "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text)
    assert text == path.read_text()
    return True


def test_postgresql_has_the_reference_schema_once_migrated(postgres_url: str) -> None:
    queries = (POSTGRES_SCHEMA, POSTGRES_INDEXES, POSTGRES_CONSTRAINTS, POSTGRES_PUBLICATION)
    with postgres.connect(postgres_url) as connection:
        lines = [str(line) for query in queries for (line,) in connection.execute(query.encode())]
    assert _matches("postgres_schema.txt", lines)


def test_postgresql_has_the_22_indexes_of_the_reference(postgres_url: str) -> None:
    with postgres.connect(postgres_url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'idx_%'"
        ).fetchone()
    assert found == (22,)


def test_migrating_postgresql_again_changes_nothing(postgres_url: str) -> None:
    assert postgres.migrate(postgres_url) == []


def test_clickhouse_has_the_reference_schema_once_migrated(fresh_clickhouse_url: str) -> None:
    rows = clickhouse.connect(fresh_clickhouse_url).query(CLICKHOUSE_SCHEMA).result_rows
    assert _matches("clickhouse_schema.txt", [str(line) for (line,) in rows])


def test_migrating_clickhouse_again_changes_nothing(fresh_clickhouse_url: str) -> None:
    assert clickhouse.migrate(fresh_clickhouse_url) == []
