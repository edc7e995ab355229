"""The documentation page of the type mapping, made from the codec itself.

Belongs here: the page's text. A test fails where the kept page is no longer what this makes.
"""

from ingestion.cdc.types import (
    FIRST_DAY,
    FIRST_MOMENT,
    LAST_DAY,
    LAST_MOMENT,
    MAX_DECIMAL_DIGITS,
    SourceType,
    codec_of,
)
from stores.settings import REPOSITORY

_BUILT_IN = (
    "bool", "int2", "int4", "int8", "oid", "float4", "float8", "uuid", "bytea", "date",
    "timestamp", "timestamptz", "time", "timetz", "interval", "text", "varchar", "bpchar", "char",
    "name", "json", "jsonb", "jsonpath", "xml", "inet", "cidr", "macaddr", "macaddr8", "money",
    "bit", "varbit", "tsvector", "tsquery", "gtsvector", "point", "line", "lseg", "box", "path",
    "polygon", "circle", "int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange",
    "int4multirange", "int8multirange", "nummultirange", "datemultirange", "tsmultirange",
    "tstzmultirange", "aclitem", "cid", "tid", "xid", "xid8", "refcursor", "regclass",
    "regcollation", "regconfig", "regdatabase", "regdictionary", "regnamespace", "regoper",
    "regoperator", "regproc", "regprocedure", "regrole", "regtype", "txid_snapshot",
    "pg_snapshot", "pg_lsn",
)  # fmt: skip
_HEAD = """# How PostgreSQL values are stored

Made by `ingestion/cdc/types_page.py`; do not edit by hand.

A column is Nullable as in the source. Snapshot and stream send the same text through the same
ClickHouse expressions, so they give the same value. A type of an extension, a composite, a range
or any other type not listed is stored as PostgreSQL's own text in a String.

| PostgreSQL | ClickHouse | exact |
| --- | --- | --- |
"""
_TAIL = f"""
Domains, also over arrays, are stored as the type they are based on. An array is stored as its text
where its elements are not separated by commas (`box[]`). `time` is text: servers and clients of
last year do not know ClickHouse's Time64, and a text of this form sorts as the time does.

A column of the key of a type that is exact only within its range is stored as PostgreSQL's text, or
two rows might become one; the view shows it in the type of this table.

## The one rule for what does not fit

The stored value is the nearest that the ClickHouse type has; the row's `_adjusted` map (in
`<database>_log.<table>`) keeps PostgreSQL's own text of it under the column's name. Nothing is
adjusted silently: `capture.adjusted_values` lists every such column with its count and this rule.

| value | stored as |
| --- | --- |
| `infinity`, or a year after 9999, in a date | {LAST_DAY} |
| `-infinity`, or a date before Christ | {FIRST_DAY} |
| the same in a timestamp | {LAST_MOMENT} or {FIRST_MOMENT} |
| `NaN` in `numeric(p, s)` | NULL, or 0 where the column is NOT NULL |
| an array of several dimensions, or with subscripts not from 1 | its elements in a row |
| a NULL array | an empty array (ClickHouse has no NULL array) |
"""


def render_types_page() -> str:
    """The page's text."""
    rows = [_row(name, SourceType(name)) for name in _BUILT_IN]
    rows += [
        _row("numeric(10, 2)", _numeric(10, 2)),
        f"| numeric(p, s), p up to {MAX_DECIMAL_DIGITS} | Decimal(p, s) | but for `NaN` |",
        _row("numeric without precision, or outside that", SourceType("numeric")),
        _row("an enum", SourceType("mood", "e")),
        _row("int4[]", SourceType("_int4", element=SourceType("int4"))),
        _row("text[]", SourceType("_text", element=SourceType("text"))),
        _row("timestamptz[]", SourceType("_timestamptz", element=SourceType("timestamptz"))),
        _row("an array of any type T", SourceType("_x", element=SourceType("x"))),
    ]
    return _HEAD + "\n".join(rows) + "\n" + _TAIL


def _row(name: str, source: SourceType) -> str:
    codec = codec_of(source)
    exact = "yes" if codec.fits is None else "within its range"
    return f"| {name} | {codec.clickhouse_type} | {exact} |"


def _numeric(precision: int, scale: int) -> SourceType:
    return SourceType("numeric", modifier=(precision << 16 | scale) + 4)


if __name__ == "__main__":
    (REPOSITORY / "docs/reference/capture_types.md").write_text(render_types_page())
