"""Finds the large values that an update left alone and the log therefore does not repeat.

Belongs here: where they are looked for, in this order: earlier rows of the same step, ClickHouse
(by the old key), and the source itself. NULL is never written in their place.

The source may by then hold a later value. That is safe: the change that made it later is still to
come in the log and carries the value itself. A row that the source no longer has will be deleted
or moved by the log, so it is written as deleted already.
"""

from itertools import islice
from typing import Any, TypeGuard

from ingestion.cdc.batch import ORDINALS_PER_CHANGE, RowsStep
from ingestion.cdc.layout import (
    Layout,
    codec_of_column,
    qualified,
    quote,
    stored_text,
)
from ingestion.cdc.messages import UNCHANGED, Tuple, Value
from ingestion.cdc.rows import PartialRow, StoredRow, encode_row, encode_texts, read_rows
from ingestion.cdc.types import quote_text
from stores.clickhouse.client import ClickHouseClient, ExternalTable

# Keys asked for at once: at first, and then so many that an answer has about this size.
FIRST_KEYS, FEWEST_KEYS, MOST_KEYS = 1_000, 100, 50_000
ANSWER_BYTES = 8 << 20
# Found values that are held at once, roughly.
PART_BYTES = 16 << 20
# A value beside its row is at least about this large.
FEWEST_BYTES = 2 << 10
# Where none has been found: how many are looked at first, and a cautious guess.
SAMPLE, GUESSED_BYTES = 20, 64 << 10
_KEYS = "captured_keys"
Key = tuple[Value, ...]


class ValueFinder:
    """Looks values up. One thread at a time."""

    def __init__(self, client: ClickHouseClient, database: str, source: Any) -> None:
        self._client = client
        self._database = database
        self._source = source
        self.looked_up_count = 0
        self.reread_count = 0

    def next_part(self, step: RowsStep) -> RowsStep | None:
        """What comes next of the step, every value in place; None where nothing is left.

        As if the batch had been cut there: whoever asks has stored the part before.
        """
        if step.waiting is None:
            step.waiting, step.rows = _still_needed(_in_order(step), step.layout), []
        if not step.waiting:
            return None
        count = _part_size(step.waiting, PART_BYTES // self._bytes_per_row(step, step.waiting))
        rows = step.waiting[:count]
        part = RowsStep(step.table, step.layout, rows[0].row_id, rows[-1].row_id)
        part.has_full_deletion = step.has_full_deletion
        part.rows, part.row_count = self._complete(part, rows), count
        del step.waiting[:count]
        return part

    def _bytes_per_row(self, step: RowsStep, rows: list[StoredRow | PartialRow]) -> int:
        """A table's first rows tell how large its values are."""
        if not step.table.found_bytes:
            partial = (row for row in rows if isinstance(row, PartialRow))
            self._from_clickhouse(step, _missing_keys(step.layout, list(islice(partial, SAMPLE))))
        return step.table.found_bytes or GUESSED_BYTES

    def _complete(
        self, step: RowsStep, in_order: list[StoredRow | PartialRow]
    ) -> list[bytes | PartialRow]:
        stored = self._from_clickhouse(step, _missing_keys(step.layout, in_order))
        latest: dict[Key, Tuple] = {}
        # A row found in parts that the same step replaces again need not be written: its large
        # values would be, as often as a small one beside them changes.
        found_in_parts: dict[Key, int] = {}
        rows: list[bytes | PartialRow] = []
        for row in in_order:
            if isinstance(row, PartialRow):
                before = latest.get(row.lookup_key) or stored.get(row.lookup_key)
                filled = self._filled(step, row, before)
                values, is_deleted = filled or row.values, filled is None
                data = encode_row(filled, row.row_id) if filled else _tombstone(step.layout, row)
            else:
                values, is_deleted, data = row.values, row.is_deleted, row.data
            key = _key(values, step.layout)
            replaced = found_in_parts.pop(key, None)
            if replaced is not None:
                rows[replaced] = b""
            if isinstance(row, PartialRow):
                found_in_parts[key] = len(rows)
            rows.append(data)
            # Kept under a deleted key: the row that moves away from it still looks there.
            if not is_deleted:
                latest[key] = values
        return rows

    def _filled(self, step: RowsStep, row: PartialRow, before: Tuple | None) -> Tuple | None:
        before = before or self._from_source(step, row)
        if before is None:
            return None
        return [
            old if value is UNCHANGED else value
            for value, old in zip(row.values, before, strict=True)
        ]

    def _from_clickhouse(self, step: RowsStep, missing: dict[Key, set[int]]) -> dict[Key, Tuple]:
        """Values by key. As many keys at once as give a bounded answer: each question costs a
        look through the key's column."""
        self.looked_up_count += len(missing)
        found: dict[Key, Tuple] = {}
        # Neighbours are stored together.
        keys, start = sorted(missing, key=_order), 0
        count = min(FIRST_KEYS, _keys_at_once(step.table.found_bytes or GUESSED_BYTES))
        while start < len(keys):
            asked = keys[start : start + count]
            wanted = set[int]().union(*(missing[key] for key in asked))
            answer = self._stored(step, asked, sorted(wanted))
            size = sum(len(value) for row in answer.values() for value in row if _is_text(value))
            start += len(asked)
            if answer:
                step.table.found_bytes = max(FEWEST_BYTES, size // len(answer))
                count = _keys_at_once(step.table.found_bytes)
            found |= answer
        return found

    def _stored(self, step: RowsStep, keys: list[Key], wanted: list[int]) -> dict[Key, Tuple]:
        """These columns of the newest version of each key. Large values of other versions, or
        of other rows, are not read: FINAL would read them."""
        layout = step.layout
        places = [*layout.key_positions, *wanted]
        texts = ", ".join(stored_text(layout.columns[place]) for place in places)
        names = ", ".join(quote(name) for name in layout.key)
        table = qualified(self._database, step.table.storage)
        rows = self._client.query(
            f"SELECT {texts} FROM {table}"
            f" PREWHERE ({names}, _version) IN (SELECT {names}, max(_version) FROM {table}"
            f" WHERE ({names}) IN ({_keys_query(layout)}) GROUP BY {names})"
            " WHERE _is_deleted = 0",
            external_data=_keys_table(keys, layout),
            query_formats={"String": "bytes"},
        ).result_rows
        found: dict[Key, Tuple] = {}
        for row in rows:
            values: Tuple = [None] * len(layout.columns)
            for place, text in zip(places, row, strict=True):
                values[place] = None if text is None else _bytes(text)
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


def _still_needed(
    in_order: list[StoredRow | PartialRow], layout: Layout
) -> list[StoredRow | PartialRow]:
    """Without rows that the next one of the same key replaces, if that needs nothing they bring:
    it finds the same values where they would have. So a row that is updated many times is
    written once."""
    after: dict[Key, StoredRow | PartialRow] = {}
    kept: list[StoredRow | PartialRow] = []
    for row in reversed(in_order):
        key = _key(row.values, layout)
        following = after.get(key)
        after[key] = row
        is_replaced = (
            isinstance(row, PartialRow)
            and row.lookup_key == key
            and following is not None
            and _needs_nothing_of(following, row, key)
        )
        if not is_replaced:
            kept.append(row)
    kept.reverse()
    return kept


def _needs_nothing_of(following: StoredRow | PartialRow, row: PartialRow, key: Key) -> bool:
    if isinstance(following, StoredRow):
        # From a deleted key a row may have moved away, which takes its values from there.
        return not following.is_deleted
    return following.lookup_key == key and all(
        before is UNCHANGED
        for before, value in zip(row.values, following.values, strict=True)
        if value is UNCHANGED
    )


def _part_size(rows: list[StoredRow | PartialRow], most: int) -> int:
    """So many rows that values of `most` of them are looked for. A changed key's deletion stays
    with its row."""
    left = max(1, most)
    for index, row in enumerate(rows):
        if left <= 0 and _change_of(rows[index - 1]) != _change_of(row):
            return index
        left -= isinstance(row, PartialRow)
    return len(rows)


def _change_of(row: StoredRow | PartialRow) -> tuple[int, int]:
    commit_lsn, ordinal = row.row_id
    return commit_lsn, (ordinal - 1) // ORDINALS_PER_CHANGE


def _missing_keys(layout: Layout, rows: list[StoredRow | PartialRow]) -> dict[Key, set[int]]:
    """Lookup keys that no earlier row of the step provides, and the columns wanted of each."""
    made: set[Key] = set()
    missing: dict[Key, set[int]] = {}
    for row in rows:
        if isinstance(row, PartialRow):
            if row.lookup_key not in made:
                wanted = {place for place, value in enumerate(row.values) if value is UNCHANGED}
                missing.setdefault(row.lookup_key, set()).update(wanted)
            made.add(_key(row.values, layout))
        elif not row.is_deleted:
            made.add(_key(row.values, layout))
    return missing


def _keys_query(layout: Layout) -> str:
    columns = {column.name: column for column in layout.columns}
    values = ", ".join(
        f"CAST({codec_of_column(columns[name]).value(f'k{place}')},"
        f" {quote_text(codec_of_column(columns[name]).clickhouse_type)})"
        for place, name in enumerate(layout.key)
    )
    return f"SELECT {values} FROM {_KEYS}"


def _keys_table(keys: list[Key], layout: Layout) -> ExternalTable:
    texts = ([value if _is_text(value) else b"" for value in key] for key in keys)
    return ExternalTable(
        file_name=_KEYS,
        data=b"".join(encode_texts(values) for values in texts),
        fmt="RowBinary",
        structure=[f"k{place} String" for place in range(len(layout.key))],
    )


def _is_text(value: Value) -> TypeGuard[bytes]:
    return isinstance(value, bytes)


def _bytes(text: object) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()


def _tombstone(layout: Layout, row: PartialRow) -> bytes:
    values: Tuple = [None] * len(layout.columns)
    for position in layout.key_positions:
        values[position] = row.values[position]
    return encode_row(values, row.row_id, is_deleted=True)


def _key(values: Tuple, layout: Layout) -> Key:
    return tuple(values[position] for position in layout.key_positions)


def _keys_at_once(value_bytes: int) -> int:
    return min(MOST_KEYS, max(FEWEST_KEYS, ANSWER_BYTES // value_bytes))


def _order(key: Key) -> list[tuple[int, bytes]]:
    """Numbers as numbers; all else has some order of its own."""
    texts = [value if _is_text(value) else b"" for value in key]
    return [(len(text), text) for text in texts]


def _text(value: Value) -> str:
    return value.decode() if isinstance(value, bytes) else ""
