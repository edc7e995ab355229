"""Finds the large values that an update left alone and the log therefore does not repeat.

Belongs here: where they are looked for, in this order: earlier rows of the same step, ClickHouse
(by the old key), and the source itself. NULL is never written in their place.

The source may by then hold a later value. That is safe: the change that made it later is still to
come in the log and carries the value itself. A row that the source no longer has will be deleted
or moved by the log, so it is written as deleted already.
"""

from typing import Any

from ingestion.cdc.batch import RowsStep
from ingestion.cdc.layout import (
    Layout,
    codec_of_column,
    qualified,
    quote,
    stored_text,
)
from ingestion.cdc.messages import UNCHANGED, Tuple, Value
from ingestion.cdc.rows import PartialRow, StoredRow, encode_row, read_rows
from ingestion.cdc.types import quote_text
from stores.clickhouse.client import ClickHouseClient

# Keys are sent as query parameters; this many uuids stay within a URL.
KEYS_PER_QUERY = 200
Key = tuple[Value, ...]


class ValueFinder:
    """Looks values up. One thread at a time."""

    def __init__(self, client: ClickHouseClient, database: str, source: Any) -> None:
        self._client = client
        self._database = database
        self._source = source
        self.looked_up_count = 0
        self.reread_count = 0

    def complete(self, step: RowsStep) -> list[bytes | PartialRow]:
        """The step's rows with every value in place."""
        in_order = _in_order(step)
        stored = self._from_clickhouse(step, _missing_keys(step.layout, in_order))
        latest: dict[Key, Tuple] = {}
        rows: list[bytes | PartialRow] = []
        for row in in_order:
            if isinstance(row, PartialRow):
                before = latest.get(row.lookup_key) or stored.get(row.lookup_key)
                filled = self._filled(step, row, before)
                if filled is None:
                    rows.append(_tombstone(step.layout, row))
                    continue
                values = filled
                rows.append(encode_row(values, row.row_id))
            else:
                values = row.values
                rows.append(row.data)
                if row.is_deleted:
                    # Kept: the row that moves away from this key still looks under it.
                    continue
            latest[_key(values, step.layout)] = values
        return rows

    def _filled(self, step: RowsStep, row: PartialRow, before: Tuple | None) -> Tuple | None:
        before = before or self._from_source(step, row)
        if before is None:
            return None
        return [
            old if value is UNCHANGED else value
            for value, old in zip(row.values, before, strict=True)
        ]

    def _from_clickhouse(self, step: RowsStep, keys: list[Key]) -> dict[Key, Tuple]:
        self.looked_up_count += len(keys)
        found: dict[Key, Tuple] = {}
        for start in range(0, len(keys), KEYS_PER_QUERY):
            found |= self._stored(step, keys[start : start + KEYS_PER_QUERY])
        return found

    def _stored(self, step: RowsStep, keys: list[Key]) -> dict[Key, Tuple]:
        layout = step.layout
        texts = ", ".join(stored_text(column) for column in layout.columns)
        names = ", ".join(quote(name) for name in layout.key)
        parameters = {
            f"k{place}": [_text(key[place]) for key in keys] for place in range(len(layout.key))
        }
        table = qualified(self._database, step.table.storage)
        rows = self._client.query(
            f"SELECT {texts} FROM {table} FINAL"
            f" WHERE _is_deleted = 0 AND ({names}) IN ({_keys_query(layout)})",
            parameters=parameters,
        ).result_rows
        found: dict[Key, Tuple] = {}
        for row in rows:
            values: Tuple = [None if text is None else str(text).encode() for text in row]
            found[_key(values, layout)] = values
        return found

    def _from_source(self, step: RowsStep, row: PartialRow) -> Tuple | None:
        """The source's values now; None where the source has the row no more."""
        self.reread_count += 1
        table, layout = step.table, step.layout
        wanted = [
            column.name
            for column, value in zip(layout.columns, row.values, strict=True)
            if value is UNCHANGED
        ]
        key = [_text(row.values[position]) for position in layout.key_positions]
        found = self._source.read_row(table.source_schema, table.source_name, layout, wanted, key)
        if found is None:
            return None
        return [found.get(column.name) for column in layout.columns]


def _in_order(step: RowsStep) -> list[StoredRow | PartialRow]:
    """The step's rows one by one, as the log had them."""
    count = len(step.layout.columns)
    rows: list[StoredRow | PartialRow] = []
    for piece in step.rows:
        rows += [piece] if isinstance(piece, PartialRow) else read_rows(piece, count)
    return sorted(rows, key=lambda row: row.row_id)


def _missing_keys(layout: Layout, rows: list[StoredRow | PartialRow]) -> list[Key]:
    """Lookup keys that no earlier row of the step provides, each once."""
    made: set[Key] = set()
    missing: dict[Key, None] = {}
    for row in rows:
        if isinstance(row, PartialRow):
            if row.lookup_key not in made:
                missing[row.lookup_key] = None
            made.add(_key(row.values, layout))
        elif not row.is_deleted:
            made.add(_key(row.values, layout))
    return list(missing)


def _keys_query(layout: Layout) -> str:
    columns = {column.name: column for column in layout.columns}
    arrays = ", ".join(f"{{k{place}:Array(String)}}" for place in range(len(layout.key)))
    values = ", ".join(
        f"CAST({codec_of_column(columns[name]).value(f'k.{place + 1}')},"
        f" {quote_text(codec_of_column(columns[name]).clickhouse_type)})"
        for place, name in enumerate(layout.key)
    )
    return f"SELECT {values} FROM (SELECT arrayJoin(arrayZip({arrays})) AS k)"


def _tombstone(layout: Layout, row: PartialRow) -> bytes:
    values: Tuple = [None] * len(layout.columns)
    for position in layout.key_positions:
        values[position] = row.values[position]
    return encode_row(values, row.row_id, is_deleted=True)


def _key(values: Tuple, layout: Layout) -> Key:
    return tuple(values[position] for position in layout.key_positions)


def _text(value: Value) -> str:
    return value.decode() if isinstance(value, bytes) else ""
