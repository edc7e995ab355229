"""Whether a table is the same on both sides, judged without any code of capture.

Belongs here: reading both sides and what a PostgreSQL value must be in ClickHouse. PostgreSQL is
read by COPY, ClickHouse as JSON, and each value is brought to one form in Python.
"""

import hmac
import json
import math
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from stores.clickhouse.client import ClickHouseClient
from stores.postgres.client import connect

SESSION = "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=1"
_JSON_SETTINGS = {
    "output_format_json_quote_denormals": 1,
    "output_format_json_quote_64bit_integers": 1,
    "output_format_json_quote_decimals": 1,
    "session_timezone": "UTC",
}
Value = Any


@dataclass(frozen=True)
class Column:
    """A column of the source: its base type, and its element's where it is an array."""

    name: str
    kind: str
    type_class: str
    element: str | None
    is_generated: bool
    is_nullable_in_target: bool = True
    target_type: str = "String"
    hash_key: str = ""


@dataclass(frozen=True)
class Difference:
    """Rows that only one side has, some of them."""

    only_source: list[tuple[Value, ...]]
    only_target: list[tuple[Value, ...]]
    what: str = ""
    # The columns themselves differ, so no row was compared.
    is_form: bool = False

    def __str__(self) -> str:
        return (
            f"{self.what}\n  only in PostgreSQL: {self.only_source[:5]}"
            f"\n  only in ClickHouse: {self.only_target[:5]}"
        )


def compare(
    source_url: str,
    table: str,
    client: ClickHouseClient,
    database: str,
    *,
    hidden: str = "",
    hash_key: str = "",
) -> Difference | None:
    """What differs between the table and the view of its name; None where nothing does.

    `hidden` says what became of a column of that name: it was left out, or hashed by `hash_key`.
    """
    columns = [
        replace(column, hash_key=hash_key if column.name == "hidden" and hidden == "hash" else "")
        for column in _source_columns(source_url, table)
        if column.name != "hidden" or hidden != "exclude"
    ]
    types = {
        str(name): str(kind)
        for name, kind in client.query(
            "SELECT name, type FROM system.columns"
            " WHERE database = {d:String} AND table = {t:String}",
            parameters={"d": database, "t": table},
        ).result_rows
    }
    columns = [c for c in columns if c.name in types or not c.is_generated]
    if {c.name for c in columns} != set(types):
        what = f"columns: {[c.name for c in columns]} and {sorted(types)}"
        return Difference([], [], what, is_form=True)
    columns = [
        replace(
            column,
            is_nullable_in_target="Nullable(" in types[column.name].split("Array(")[0],
            target_type=types[column.name],
        )
        for column in columns
    ]
    source = Counter(_source_rows(source_url, table, columns))
    target = Counter(_target_rows(client, database, table, columns))
    if source == target:
        return None
    counts = f"{source.total()} rows and {target.total()}; columns {[c.name for c in columns]}"
    return Difference(
        list((source - target).elements()), list((target - source).elements()), counts
    )


def _source_columns(url: str, table: str) -> list[Column]:
    with connect(url) as connection:
        rows = connection.execute(
            "SELECT a.attname, coalesce(b.typname, t.typname),"
            " coalesce(b.typtype, t.typtype)::text,"
            " CASE WHEN t.typcategory = 'A' THEN e.typname || ':' || e.typtype::text END,"
            " a.attgenerated <> ''"
            " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
            " LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype"
            " LEFT JOIN pg_type e ON e.oid = t.typelem"
            " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped"
            " ORDER BY a.attnum",
            [table],
        ).fetchall()
    return [Column(*row) for row in rows]


def _source_rows(url: str, table: str, columns: Sequence[Column]) -> list[tuple[Value, ...]]:
    names = ", ".join('"' + column.name + '"' for column in columns)
    with connect(url, options=SESSION) as connection, connection.cursor() as cursor:
        where = " OR ".join(
            f"({row_filter or 'true'})"
            for (row_filter,) in cursor.execute(
                "SELECT rowfilter FROM pg_publication_tables WHERE tablename = %s", [table]
            ).fetchall()
        )
        query = f"COPY (SELECT {names} FROM {table} WHERE {where or 'true'}) TO STDOUT"
        with cursor.copy(query.encode()) as copy:
            return [
                tuple(_of_source(text, column) for text, column in zip(row, columns, strict=True))
                for row in copy.rows()
            ]


def _target_rows(
    client: ClickHouseClient, database: str, table: str, columns: Sequence[Column]
) -> list[tuple[Value, ...]]:
    names = []
    for column in columns:
        name = f"`{column.name}`"
        if column.kind == "bytea":
            name = f"hex({name})"
        elif column.element == "bytea:b":
            name = f"arrayMap(x -> hex(x), {name})"
        names.append(name)
    found = client.raw_query(
        f"SELECT {', '.join(names)} FROM `{database}`.`{table}`",
        fmt="JSONCompactEachRow",
        settings=_JSON_SETTINGS,
    )
    return [
        tuple(
            _of_target(value, column)
            for value, column in zip(
                json.loads(line, parse_int=str, parse_float=str), columns, strict=True
            )
        )
        for line in found.decode().split("\n")
        if line
    ]


def _of_source(text: str | None, column: Column) -> Value:
    if column.hash_key and text is not None:
        return hmac.new(column.hash_key.encode(), text.encode(), "sha256").hexdigest()
    if column.element is not None and column.target_type.startswith("Array("):
        kind, type_class = column.element.split(":")
        if text is None:
            return ()
        modifiers = "Decimal" in column.target_type
        return tuple(_expected(item, kind, type_class, True, modifiers) for item in _flat(text))
    return _expected(
        text, column.kind, column.type_class, column.is_nullable_in_target,
        "Decimal" in column.target_type,
    )  # fmt: skip


def _expected(
    text: str | None, kind: str, type_class: str, is_nullable: bool, is_decimal: bool
) -> Value:
    """What a value of PostgreSQL, as text, must be. This is the documented rule."""
    if text is None or type_class != "b":
        return text
    if kind == "numeric":
        if text == "NaN" and is_decimal:
            return None if is_nullable else Decimal(0)
        return Decimal(text) if is_decimal else text
    return _EXPECTED.get(kind, str)(text)


def _date(text: str) -> str:
    return _clamped(text, "0001-01-01", "9999-12-31")


def _moment(text: str) -> str:
    bare = text.removesuffix("+00")
    return _padded(_clamped(bare, "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"))


def _single(text: str) -> str:
    return _bits(text, ">f")


def _double(text: str) -> str:
    return _bits(text, ">d")


def _of_target(value: Any, column: Column) -> Value:
    kind, type_class = column.kind, column.type_class
    if isinstance(value, list):
        kind, type_class = (column.element or "text:b").split(":")
        return tuple(
            _found(item, kind, type_class, "Decimal" in column.target_type) for item in value
        )
    return _found(value, kind, type_class, "Decimal" in column.target_type)


def _found(value: Any, kind: str, type_class: str, is_decimal: bool) -> Value:
    if value is None or type_class != "b":
        return value
    if kind == "numeric" and is_decimal:
        return Decimal(value)
    return _FOUND[kind](value) if kind in _FOUND else value


def _bits(text: str, form: str) -> str:
    value = float(text)
    return "nan" if math.isnan(value) else struct.pack(form, value).hex()


def _padded(clock: str) -> str:
    whole, _, fraction = clock.partition(".")
    return f"{whole}.{fraction:0<6}"


def _clamped(text: str, first: str, last: str) -> str:
    if text == "-infinity" or text.endswith(" BC"):
        return first
    if text == "infinity" or text.index("-") > 4:
        return last
    return text


def _flat(text: str) -> list[str | None]:
    """The elements of an array's text, whatever its dimensions."""
    if text.startswith("["):
        text = text.split("=", 1)[1]
    found: list[str | None] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character in "{},":
            position += 1
        elif character == '"':
            item, position = _quoted(text, position + 1)
            found.append(item)
        else:
            end = position
            while text[end] not in ",}":
                end += 1
            bare = text[position:end]
            found.append(None if bare == "NULL" else bare)
            position = end
    return found


def _quoted(text: str, position: int) -> tuple[str, int]:
    item = []
    while text[position] != '"':
        if text[position] == "\\":
            position += 1
        item.append(text[position])
        position += 1
    return "".join(item), position + 1


_NUMBERS: dict[str, Callable[[str], Value]] = {
    "int2": int, "int4": int, "int8": int, "oid": int, "float4": _single, "float8": _double,
}  # fmt: skip
_EXPECTED: dict[str, Callable[[str], Value]] = _NUMBERS | {
    "bool": lambda text: text == "t",
    "bytea": lambda text: text[2:].upper(),
    "date": _date,
    "timestamp": _moment,
    "timestamptz": _moment,
    "time": _padded,
}
_FOUND: dict[str, Callable[[str], Value]] = _NUMBERS | {"time": _padded}
