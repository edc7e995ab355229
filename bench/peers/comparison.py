"""Whether a peer's rows are those of PostgreSQL, whatever way each of them writes a value.

Belongs here: reading the source, and one canonical form per type. Two texts of one value are
equal here ('1.50' and '1.5', '2020-01-01T00:00:00Z' and '2020-01-01 00:00:00+00'); two values
never are.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from bench.peers.peer import Row
from stores.postgres.client import Connection

_ISO_INTERVAL = re.compile(
    r"P(?:(-?[\d.]+)Y)?(?:(-?[\d.]+)M)?(?:(-?[\d.]+)D)?"
    r"(?:T(?:(-?[\d.]+)H)?(?:(-?[\d.]+)M)?(?:(-?[\d.]+)S)?)?"
)
_POSTGRES_INTERVAL = re.compile(
    r"(?:(-?\d+) years? ?)?(?:(-?\d+) mons? ?)?(?:(-?\d+) days? ?)?"
    r"(?:(-?\d+):(\d+):([\d.]+))?"
)
# Debezium spells them out.
_NAMED_NUMBERS = {"POSITIVE_INFINITY": "Infinity", "NEGATIVE_INFINITY": "-Infinity"}
_FORMAT = (
    "SET timezone = 'UTC'",
    "SET datestyle = 'ISO, YMD'",
    "SET extra_float_digits = 1",
    "SET intervalstyle = 'iso_8601'",
)


def source_columns(connection: Connection, table: str) -> dict[str, str]:
    """Name and type of each column, in order."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [table],
    ).fetchall()
    return {str(name): str(kind) for name, kind in rows}


def source_rows(connection: Connection, table: str, columns: dict[str, str]) -> list[Row]:
    """Every row as text; arrays as JSON."""
    for statement in _FORMAT:
        connection.execute(statement.encode())
    texts = ", ".join(
        f'to_json("{name}")::text' if kind.endswith("[]") else _output(name)
        for name, kind in columns.items()
    )
    found = connection.execute(f"SELECT {texts} FROM {table}".encode()).fetchall()
    return [dict(zip(columns, row, strict=True)) for row in found]


def _output(name: str) -> str:
    """What the type writes, which a cast to text is not for every type (inet)."""
    return f"""CASE WHEN num_nulls("{name}") = 0 THEN format('%s', "{name}") END"""


def difference(expected: list[Row], found: list[Row], columns: dict[str, str]) -> str | None:
    """None where the rows are the same; else what differs first, in a few words."""
    missing_columns = [name for name in columns if found and name not in found[0]]
    if missing_columns:
        return f"column {missing_columns[0]} is missing"
    wanted = Counter(_canonical_row(row, columns) for row in expected)
    have = Counter(_canonical_row(row, columns) for row in found)
    lost, extra = list((wanted - have).elements()), list((have - wanted).elements())
    if not lost and not extra:
        return None
    if len(expected) != len(found):
        return f"{len(found)} rows where there are {len(expected)}"
    parts = []
    for name in columns:
        ours, theirs = _values(lost, columns, name), _values(extra, columns, name)
        if ours != theirs:
            parts.append(f"{name}: {_short((theirs - ours).popitem()[0])} for"
                         f" {_short((ours - theirs).popitem()[0])}")  # fmt: skip
    return "; ".join(parts) or "values of different rows are mixed"


def _values(rows: list[tuple[Any, ...]], columns: dict[str, str], name: str) -> Counter[Any]:
    place = list(columns).index(name)
    return Counter(row[place] for row in rows)


def _short(value: Any) -> str:
    text = "NULL" if value is None else str(value)
    if not text:
        return "''"
    return text if len(text) <= 28 else text[:25] + "..."


def _canonical_row(row: Row, columns: dict[str, str]) -> tuple[Any, ...]:
    return tuple(canonical(row.get(name), kind) for name, kind in columns.items())


def canonical(text: str | None, kind: str) -> str | None:
    """One form of a value of this PostgreSQL type."""
    if text is None:
        return None
    if kind.endswith("[]"):
        return _nested(text, kind[:-2])
    return _FORMS.get(kind.split(" with", maxsplit=1)[0], str)(text)


def _number(text: str) -> str:
    try:
        value = Decimal(_NAMED_NUMBERS.get(text, text))
    except InvalidOperation:
        return text
    if not value.is_finite():
        return str(value)
    return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"


def _moment(text: str) -> str:
    found = text.replace("T", " ").removesuffix("Z").removesuffix("+00").removesuffix("+00:00")
    found = re.sub(r"(\.\d*?)0+$", r"\1", found).removesuffix(".")
    # A day with a time of zero is the day.
    return found.removesuffix(" 00:00:00")


def _interval(text: str) -> str:
    parts = _ISO_INTERVAL.fullmatch(text) or _POSTGRES_INTERVAL.fullmatch(text)
    if parts is None:
        return text
    return " ".join(_number(part or "0") for part in parts.groups())


def _json(text: str) -> str:
    """Numbers and repeated keys as they are written; white space aside."""
    try:
        found = json.loads(text, parse_float=_number, parse_int=_number, object_pairs_hook=list)
    except ValueError:
        return text
    return json.dumps(found)


_BRACES = str.maketrans("{}", "[]")


def _nested(text: str, kind: str) -> str:
    """An array as JSON, or as PostgreSQL writes one of numbers, which is what capture records."""
    form = text.translate(_BRACES) if text.startswith("{") else text
    try:
        found = json.loads(form, parse_float=str, parse_int=str)
    except ValueError:
        return text

    def each(value: Any) -> Any:
        if isinstance(value, list):
            return [each(inner) for inner in value]
        return canonical(value if value is None else str(value), kind)

    return json.dumps(each(found))


_FORMS: dict[str, Callable[[str], str]] = {
    "numeric": _number,
    "real": lambda text: repr(float(text)),
    "double precision": lambda text: repr(float(text)),
    "boolean": lambda text: str(text.lower() in ("t", "true", "1")),
    "timestamp": _moment,
    "timestamp without time zone": _moment,
    "date": _moment,
    "time": _moment,
    "bytea": lambda text: text.removeprefix("\\x").lower(),
    "interval": _interval,
    "json": _json,
    "jsonb": _json,
}
