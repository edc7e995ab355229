"""The two sides of one table at one log position, as counts and hashes.

Belongs here: the SQL that makes a row of PostgreSQL and a row of ClickHouse comparable. When it is
asked, and what a difference means, belongs to `verify`.

Each row is written as PostgreSQL writes it, each database hashes its own, and the sums must agree;
the order of rows does not matter. ClickHouse has gone on since the position: the keys that have
changed since are told by their versions and left out on both sides.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.cdc.layout import qualified, quote, stored_text
from ingestion.cdc.pin import PinnedSource
from ingestion.cdc.positions import version
from ingestion.cdc.source import quote_source, table_name
from ingestion.cdc.state import CapturedTable
from ingestion.cdc.treatments import is_hashed, source_hash
from ingestion.cdc.types import quote_text
from stores.clickhouse.client import ClickHouseClient
from stores.errors import StateConflict

if TYPE_CHECKING:
    from ingestion.cdc.catalog import SourceColumn
    from ingestion.cdc.types import SourceType

FLOAT_BYTES = {"float4": 4, "float8": 8}
# Beyond this a comparison says little: most of the table has changed since.
MAX_CHANGED_KEYS = 2_000_000
BUCKET_COUNT = 65_536
# Between the texts of a row, and in place of a NULL: no text of PostgreSQL holds both.
_SEPARATOR, _NULL = "chr(31)", "chr(30)"
_ONE_MOMENT = {
    # Both halves of the query see the same parts; without it a third of them did not.
    "enable_shared_storage_snapshot_in_query": 1,
}

Key = tuple[str, ...]
# Bucket -> (rows, sum of hashes).
Buckets = dict[int, tuple[int, str]]


@dataclass(frozen=True)
class Sides:
    """One table on both sides, in buckets of its keys; without the keys changed since."""

    source: Buckets
    target: Buckets
    changed: list[Key]


class Comparison:
    """One captured table, asked at one pinned position."""

    def __init__(
        self,
        table: CapturedTable,
        *,
        log: str,
        publication: str,
        client: ClickHouseClient,
        source: PinnedSource,
    ) -> None:
        self._table = table
        self._log = log
        self._client = client
        self._source = source
        self._from = self._source_from(publication)

    def totals(self) -> Sides:
        """Everything in one bucket, 0."""
        return self._sides("0", "0")

    def buckets(self) -> Sides:
        """By 16 bits of the key's hash."""
        return self._sides(_source_bucket(self._table), _target_bucket(self._table))

    def rows(self, buckets: list[int]) -> tuple[dict[Key, str], dict[Key, str]]:
        """Key -> hash of the row, for the rows of some buckets, on both sides."""
        columns = self._table.layout.stored
        names = ", ".join(_target_keys(self._table))
        chosen = f"{_target_bucket(self._table)} IN ({', '.join(map(str, buckets))})"
        found = self._client.query(
            f"SELECT [{names}], toString({_target_hash(columns)}), _version >= {self._cut()}"
            f" FROM {self._storage()} FINAL WHERE {chosen} AND _is_deleted = 0"
            f" UNION ALL SELECT DISTINCT [{names}], '', true FROM {self._storage()}"
            f" WHERE _version >= {self._cut()} AND {chosen}",
            settings=_ONE_MOMENT,
        ).result_rows
        changed = {tuple(key) for key, _, is_changed in found if is_changed}
        target = {tuple(key): text for key, text, is_changed in found if not is_changed}
        keys = ", ".join(_source_keys(self._table))
        wanted = f"{_source_bucket(self._table)} = ANY(ARRAY[{', '.join(map(str, buckets))}])"
        source = self._source.query(
            f"SELECT ARRAY[{keys}], {_source_hash(columns)}::text {self._from} AND {wanted}"
        )
        return {tuple(key): text for key, text in source if tuple(key) not in changed}, target

    def _sides(self, source_bucket: str, target_bucket: str) -> Sides:
        target, changed = self._ask_target(target_bucket)
        return Sides(self._ask_source(source_bucket, changed), target, changed)

    def _ask_target(self, bucket: str) -> tuple[Buckets, list[Key]]:
        """One query for both, because a second one would see later rows."""
        table, cut = self._storage(), self._cut()
        keys = ", ".join(_target_keys(self._table))
        hashed = f"toInt128({_target_hash(self._table.layout.stored)})"
        # Not WHERE: an index on versions may hide from FINAL that a row has a newer one.
        found = self._client.query(
            f"SELECT toInt64({bucket}) AS bucket, countIf(_version < {cut}) AS row_count,"
            f" toString(sumIf({hashed}, _version < {cut})) AS hash,"
            f" CAST([], 'Array(Array(String))') AS changed FROM {table} FINAL"
            " WHERE _is_deleted = 0 GROUP BY bucket"
            f" UNION ALL SELECT -1, 0, '', groupUniqArray({MAX_CHANGED_KEYS + 1})([{keys}])"
            f" FROM {table} WHERE _version >= {cut}",
            settings=_ONE_MOMENT,
        ).result_rows
        changed = [tuple(key) for row in found if row[0] < 0 for key in row[3]]
        if len(changed) > MAX_CHANGED_KEYS:
            raise StateConflict(
                f"more than {MAX_CHANGED_KEYS} rows of {self._table.target} have changed since the"
                " position was pinned; compare it when fewer are written"
            )
        return {row[0]: (row[1], row[2]) for row in found if row[0] >= 0 and row[1]}, changed

    def _ask_source(self, bucket: str, changed: list[Key]) -> Buckets:
        hashed = f"sum({_source_hash(self._table.layout.stored)})::text"
        asked = f"SELECT {bucket}, count(*), {hashed} {self._from}"
        if changed:
            keys = _source_keys(self._table)
            same = " AND ".join(f"c.k{place} = {key}" for place, key in enumerate(keys))
            asked += f" AND NOT EXISTS (SELECT FROM changed c WHERE {same})"
        # Placeholders are the driver's; a column may be named 50%.
        statement = _changed_keys(len(self._table.layout.key)) + asked.replace("%", "%%")
        columns = [list(values) for values in zip(*changed, strict=True)]
        rows = self._source.query(
            f"{statement} GROUP BY 1", columns or [[] for _ in self._table.layout.key]
        )
        return {int(place): (int(count), str(total)) for place, count, total in rows if count}

    def _source_from(self, publication: str) -> str:
        """FROM and WHERE of what is published of the table, as the catalogue has it now."""
        table = self._table
        rows = self._source.query(
            "SELECT c.relkind, p.rowfilter FROM pg_class c"
            " LEFT JOIN pg_publication_tables p ON p.pubname = %s AND p.schemaname = %s"
            " AND p.tablename = %s WHERE c.oid = %s",
            [publication, table.source_schema, table.source_name, table.oid],
        )
        if not rows:
            raise StateConflict(f"table {table.target} is gone from the source")
        kind, row_filter = rows[0]
        name = table_name(table.source_schema, table.source_name)
        # Of a partitioned table the root itself holds nothing.
        only = "" if kind == "p" else "ONLY "
        return f"FROM {only}{name} AS t WHERE ({row_filter or 'true'})"

    def _storage(self) -> str:
        return qualified(self._log, self._table.storage)

    def _cut(self) -> str:
        """Versions from here on were committed at or after the pinned position."""
        return f"toUInt128('{version(self._source.lsn, 0)}')"


def _changed_keys(size: int) -> str:
    names = ", ".join(f"k{place}" for place in range(size))
    arrays = ", ".join("%s::text[]" for _ in range(size))
    return f"WITH changed AS MATERIALIZED (SELECT * FROM unnest({arrays}) AS u({names})) "


def _source_keys(table: CapturedTable) -> list[str]:
    columns = table.layout.columns
    return [_source_text(columns[place]) for place in table.layout.key_positions]


def _target_keys(table: CapturedTable) -> list[str]:
    columns = table.layout.columns
    texts = [_target_text(columns[place]) for place in table.layout.key_positions]
    return [f"CAST(ifNull({text}, char(30)), 'String')" for text in texts]


def _source_bucket(table: CapturedTable) -> str:
    return f"('x' || left({_md5(_source_keys(table))}, 4))::bit(16)::int"


def _target_bucket(table: CapturedTable) -> str:
    joined = f"arrayStringConcat([{', '.join(_target_keys(table))}], char(31))"
    return f"toInt64(reinterpretAsUInt16(reverse(substring(MD5({joined}), 1, 2))))"


def _source_hash(columns: "tuple[SourceColumn, ...]") -> str:
    """The first 64 bits of the row's MD5."""
    text = _md5([_source_text(column) for column in columns])
    return f"('x' || left({text}, 16))::bit(64)::bigint"


def _md5(texts: list[str]) -> str:
    # Not concat_ws: a function takes 100 arguments at most, an array as many as there are columns.
    return f"md5(convert_to(array_to_string(ARRAY[{', '.join(texts)}], {_SEPARATOR}), 'UTF8'))"


def _target_hash(columns: "tuple[SourceColumn, ...]") -> str:
    texts = ", ".join(f"ifNull({_target_text(column)}, char(30))" for column in columns)
    return (
        f"reinterpretAsInt64(reverse(substring(MD5(arrayStringConcat([{texts}], char(31))), 1, 8)))"
    )


def _source_text(column: "SourceColumn") -> str:
    name = "t." + quote_source(column.name)
    kind, element = _float_of(column.type), _float_of(column.type.element)
    if is_hashed(column):
        text = source_hash(f"format('%s', {name})")
    elif kind:
        text = f"encode({kind}send({name}), 'hex')"
    elif element:
        bits = f"coalesce(encode({element}send(e), 'hex'), 'NULL')"
        listed = f"SELECT string_agg({bits}, ',' ORDER BY n) FROM unnest({name})"
        text = f"coalesce(({listed} WITH ORDINALITY AS u(e, n)), '')"
    else:
        text = f"format('%s', {name})"
    return f'(CASE WHEN num_nulls({name}) > 0 THEN {_NULL} ELSE {text} END COLLATE "C")'


def _target_text(column: "SourceColumn") -> str:
    """Shortest decimal forms of floats differ between programs; their bits do not."""
    name = quote(column.name)
    kind, element = _float_of(column.type), _float_of(column.type.element)
    if is_hashed(column):
        return name
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
