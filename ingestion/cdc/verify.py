"""Compares every captured table with its source, row by row and column by column.

Belongs here: counts and hashes on both sides. Each row is written as PostgreSQL writes it, each
database hashes its own, and the sums must agree; the order of rows does not matter.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.cdc.layout import log_database, qualified, quote, stored_text
from ingestion.cdc.run import options
from ingestion.cdc.source import SourceDatabase, quote_source, table_name
from ingestion.cdc.state import CapturedTable, StateStore
from ingestion.cdc.types import quote_text
from stores.clickhouse.client import ClickHouseClient
from stores.clickhouse.client import connect as connect_clickhouse

if TYPE_CHECKING:
    from ingestion.cdc.capture import Options
    from ingestion.cdc.catalog import SourceColumn
    from ingestion.cdc.types import SourceType

FLOAT_BYTES = {"float4": 4, "float8": 8}
_WAIT_SECONDS = 0.1


@dataclass(frozen=True)
class TableVerification:
    """One table on both sides."""

    table: str
    source_count: int
    target_count: int
    source_hash: str
    target_hash: str

    @property
    def is_equal(self) -> bool:
        """Whether both sides hold the same rows."""
        return (self.source_count, self.source_hash) == (self.target_count, self.target_hash)


def verify(
    chosen: "Options | None" = None, timeout_seconds: float = 30.0
) -> list[TableVerification]:
    """Every streaming table. A table that differs is compared again until it stops differing,
    or time is up, because writes may be on their way."""
    chosen = chosen or options()
    client = connect_clickhouse(chosen.clickhouse_url)
    database = SourceDatabase(chosen.source_url)
    deadline = time.monotonic() + timeout_seconds
    try:
        tables = StateStore(client, chosen.slot).tables()
        return [
            _settled(table, chosen, client, database, deadline)
            for table in tables
            if table.state == "streaming"
        ]
    finally:
        database.close()


def _settled(
    table: CapturedTable,
    chosen: "Options",
    client: ClickHouseClient,
    database: SourceDatabase,
    deadline: float,
) -> TableVerification:
    while True:
        found = _compare(table, log_database(chosen.target_database), client, database)
        if found.is_equal or time.monotonic() > deadline:
            return found
        time.sleep(_WAIT_SECONDS)


def _compare(
    table: CapturedTable, log: str, client: ClickHouseClient, database: SourceDatabase
) -> TableVerification:
    columns = table.layout.columns
    source = database.query(
        "SELECT count(*), coalesce(sum(('x' || substr(md5(concat_ws(chr(31), "
        + ", ".join(_source_text(column) for column in columns)
        + ")), 1, 16))::bit(64)::bigint), 0)::text"
        f" FROM ONLY {table_name(table.source_schema, table.source_name)}"
    )[0]
    texts = ", ".join(f"ifNull({_target_text(column)}, char(30))" for column in columns)
    target = client.query(
        "SELECT count(), toString(sum(toInt128(reinterpretAsInt64(reverse(substring(MD5("
        f"arrayStringConcat([{texts}], char(31))), 1, 8))))))"
        f" FROM {qualified(log, table.storage)} FINAL WHERE _is_deleted = 0"
    ).result_rows[0]
    return TableVerification(
        table.target, int(source[0]), int(target[0]), str(source[1]), str(target[1])
    )


def _source_text(column: "SourceColumn") -> str:
    name = quote_source(column.name)
    kind, element = _float_of(column.type), _float_of(column.type.element)
    if kind:
        text = f"encode({kind}send({name}), 'hex')"
    elif element:
        bits = f"coalesce(encode({element}send(e), 'hex'), 'NULL')"
        listed = f"SELECT string_agg({bits}, ',' ORDER BY n) FROM unnest({name})"
        text = f"coalesce(({listed} WITH ORDINALITY AS u(e, n)), '')"
    else:
        text = f"format('%s', {name})"
    return f"CASE WHEN num_nulls({name}) > 0 THEN chr(30) ELSE {text} END"


def _target_text(column: "SourceColumn") -> str:
    """Shortest decimal forms of floats differ between programs; their bits do not."""
    name = quote(column.name)
    kind, element = _float_of(column.type), _float_of(column.type.element)
    if kind:
        text = _bits(f"assumeNotNull({name})", kind)
        return f"if(isNull({name}), NULL, {text})" if column.is_nullable else text
    if element:
        each = f"if(isNull(e), 'NULL', {_bits('assumeNotNull(e)', element)})"
        was_null = f"mapContains(_adjusted, {quote_text(column.name)})"
        was_null += f" AND isNull(_adjusted[{quote_text(column.name)}])"
        return f"if({was_null}, NULL, arrayStringConcat(arrayMap(e -> {each}, {name}), ','))"
    return stored_text(column)


def _bits(value: str, kind: str) -> str:
    size = FLOAT_BYTES[kind] * 2
    return f"leftPad(lower(hex(reverse(reinterpretAsString({value})))), {size}, '0')"


def _float_of(source: "SourceType | None") -> str | None:
    return source.name if source and source.kind == "b" and source.name in FLOAT_BYTES else None
