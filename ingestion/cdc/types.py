"""The one value codec: what a PostgreSQL type becomes in ClickHouse, and how.

A value travels as the text PostgreSQL writes, in the snapshot (COPY) and in the stream (pgoutput)
alike, and ClickHouse parses it with the SQL given here. So both give the same value.

Belongs here: the mapping and its SQL. Which columns a table has belongs to `catalog` and `layout`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

Sql = Callable[[str], str]

MAX_DECIMAL_DIGITS = 76
_DECIMAL_BITS = ((9, 32), (18, 64), (38, 128), (76, 256))
FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"
FIRST_MOMENT, LAST_MOMENT = f"{FIRST_DAY} 00:00:00", f"{LAST_DAY} 23:59:59.999999"

# One element of a one-dimensional array's text: quoted with backslash escapes, or bare.
_ARRAY_ELEMENT = r'(?s)"(?:[^"\\]|\\.)*"|[^,{}"]+'
_ESCAPED, _FIRST_GROUP = r"(?s)\\(.)", r"\1"
_TO_ESCAPE, _ESCAPE_IT = r'(["\\])', r"\\\1"
_NEEDS_QUOTES = r'[{}",\\ \t\n\r\x0b\f]'
# The text of an array whose subscripts do not start at 1 has them before an equals sign.
_ARRAY_BOUNDS = r"^\[[^=]*="


@dataclass(frozen=True)
class SourceType:
    """A PostgreSQL type, a domain already replaced by what it is based on.

    `kind` is pg_type.typtype; `modifier` the raw typmod (-1: none); `element` an array's.
    """

    name: str
    kind: str = "b"
    modifier: int = -1
    element: "SourceType | None" = None


@dataclass(frozen=True)
class Codec:
    """How one type is stored. Every callable takes an SQL expression and returns one.

    `parse` reads PostgreSQL's text (never NULL); `fits` is true where the value can be stored
    exactly (absent: always); `nearest` is stored where it does not; `render` writes
    PostgreSQL's text back from the stored value. `is_read_alike`: ClickHouse's reader of the
    TabSeparated format reads that text as `parse` does.
    """

    clickhouse_type: str
    parse: Sql
    render: Sql
    fits: Sql | None = None
    nearest: Sql | None = None
    can_be_nullable: bool = True
    is_read_alike: bool = False

    def value(self, text: str) -> str:
        """The stored value of `text`; NULL for NULL."""
        if self.fits is None or self.nearest is None:
            return self.parse(text)
        return (
            f"multiIf(isNull({text}), NULL, {self.fits(text)}, {self.parse(text)},"
            f" {self.nearest(text)})"
        )


def codec_of(source: SourceType) -> Codec:
    """The codec of a type; text where ClickHouse has nothing exact."""
    if source.element is not None:
        return _array(codec_of(source.element))
    if source.kind == "e":
        return replace(_TEXT, clickhouse_type="LowCardinality(String)")
    if source.name == "numeric":
        return _numeric(source.modifier)
    return _BUILT_IN.get(source.name, _TEXT) if source.kind == "b" else _TEXT


def is_known(name: str) -> bool:
    """Whether a type of this name is stored as anything but its text."""
    return name == "numeric" or name in _BUILT_IN


def as_text(codec: Codec) -> Codec:
    """Stores the text itself, and still tells which values the type's own form would change."""
    return Codec("String", _same, _same, codec.fits, _same)


def quote_text(value: str) -> str:
    """A ClickHouse string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def numeric_digits(modifier: int) -> tuple[int, int] | None:
    """Precision and scale in a numeric's typmod; None where it has none."""
    if modifier < 4:
        return None
    raw = modifier - 4
    scale = ((raw & 0x7FF) ^ 1024) - 1024
    return raw >> 16 & 0xFFFF, scale


def _same(value: str) -> str:
    return value


def _call(function: str) -> Sql:
    return lambda value: f"{function}({value})"


def _number(clickhouse_type: str) -> Codec:
    return Codec(
        clickhouse_type, _call(f"to{clickhouse_type}"), _call("toString"), is_read_alike=True
    )


def _float(clickhouse_type: str) -> Codec:
    """Written with the same digits as PostgreSQL's, though not always the same exponent."""
    return Codec(
        clickhouse_type,
        _call(f"to{clickhouse_type}"),
        lambda value: f"replaceOne(replaceOne(toString({value}), 'inf', 'Infinity'), 'nan', 'NaN')",
        is_read_alike=True,
    )


def _numeric(modifier: int) -> Codec:
    digits = numeric_digits(modifier)
    if digits is None or not 0 <= digits[1] <= digits[0] <= MAX_DECIMAL_DIGITS:
        return _TEXT
    precision, scale = digits
    bits = next(bits for most, bits in _DECIMAL_BITS if precision <= most)
    return Codec(
        f"Decimal({precision}, {scale})",
        parse=lambda text: f"toDecimal{bits}({text}, {scale})",
        render=lambda value: f"toDecimalString({value}, {scale})",
        fits=lambda text: f"{text} != 'NaN'",
        nearest=lambda text: f"if({text} = 'NaN', NULL, 0)",
    )


def _bounded(first: str, last: str) -> Sql:
    """Before Christ and -infinity go to the first moment, all else to the last."""
    return lambda text: f"if(startsWith({text}, '-') OR endsWith({text}, ' BC'), {first}, {last})"


def _moment(literal: str) -> str:
    return f"toDateTime64('{literal}', 6, 'UTC')"


def _four_digit_year(text: str) -> str:
    return f"(substring({text}, 5, 1) = '-' AND NOT endsWith({text}, ' BC'))"


def _moment_codec(zone: str) -> Codec:
    """PostgreSQL writes a zone of three characters in UTC sessions, and no trailing zeros."""
    return Codec(
        "DateTime64(6, 'UTC')",
        parse=lambda text: (
            f"toDateTime64(substring({text}, 1, length({text}) - {len(zone)}), 6, 'UTC')"
        ),
        render=lambda value: (
            f"concat(replaceRegexpOne(toString({value}), '[.]?0+$', ''), '{zone}')"
        ),
        fits=_four_digit_year,
        nearest=_bounded(_moment(FIRST_MOMENT), _moment(LAST_MOMENT)),
    )


def _array(element: Codec) -> Codec:
    """One dimension, elements nullable. More dimensions are laid out in a row; a NULL array is
    an empty one: both are adjusted values, so their text is kept."""
    if not element.can_be_nullable:
        element = _TEXT
    return Codec(
        f"Array(Nullable({element.clickhouse_type}))"
        if not element.clickhouse_type.startswith("LowCardinality")
        else "Array(Nullable(String))",
        parse=lambda text: f"arrayMap(x -> {_element_value(element)}, {_tokens(text)})",
        render=lambda value: (
            f"concat('{{', arrayStringConcat(arrayMap(x -> {_element_text(element)}, {value}),"
            " ','), '}')"
        ),
        fits=lambda text: _array_fits(element, text),
        nearest=lambda text: (
            f"arrayMap(x -> {_element_value(element)}, {_tokens(_without_bounds(text))})"
        ),
        can_be_nullable=False,
    )


def _tokens(text: str) -> str:
    return f"extractAll(assumeNotNull({text}), {quote_text(_ARRAY_ELEMENT)})"


def _without_bounds(text: str) -> str:
    return f"replaceRegexpOne(assumeNotNull({text}), {quote_text(_ARRAY_BOUNDS)}, '')"


def _unquoted(token: str) -> str:
    inner = f"substring({token}, 2, length({token}) - 2)"
    bare = f"replaceRegexpAll({inner}, {quote_text(_ESCAPED)}, {quote_text(_FIRST_GROUP)})"
    return f"if(startsWith({token}, '\"'), {bare}, {token})"


def _element_value(element: Codec) -> str:
    return f"if(x = 'NULL', NULL, {element.value(_unquoted('x'))})"


def _element_text(element: Codec) -> str:
    text = element.render("assumeNotNull(x)")
    escaped = f"replaceRegexpAll({text}, {quote_text(_TO_ESCAPE)}, {quote_text(_ESCAPE_IT)})"
    is_quoted = (
        f"({text} = '' OR upper({text}) = 'NULL' OR match({text}, {quote_text(_NEEDS_QUOTES)}))"
    )
    return f"multiIf(isNull(x), 'NULL', {is_quoted}, concat('\"', {escaped}, '\"'), {text})"


def _array_fits(element: Codec, text: str) -> str:
    shape = f"(startsWith({text}, '{{') AND NOT startsWith({text}, '{{{{'))"
    if element.fits is None:
        return shape
    misfit = f"x != 'NULL' AND NOT {element.fits(_unquoted('x'))}"
    return f"({shape} AND NOT arrayExists(x -> {misfit}, {_tokens(text)}))"


_TEXT = Codec("String", _same, _same)

_BUILT_IN = {
    "bool": Codec(
        "Bool",
        lambda text: f"({text} = 't')",
        lambda value: f"if({value}, 't', 'f')",
        is_read_alike=True,
    ),
    "int2": _number("Int16"),
    "int4": _number("Int32"),
    "int8": _number("Int64"),
    "oid": _number("UInt32"),
    "float4": _float("Float32"),
    "float8": _float("Float64"),
    "uuid": Codec("UUID", _call("toUUID"), _call("toString"), is_read_alike=True),
    "bytea": Codec(
        "String",
        lambda text: f"unhex(substring({text}, 3))",
        lambda value: f"concat({quote_text(chr(92) + 'x')}, lower(hex({value})))",
    ),
    "date": Codec(
        "Date32",
        parse=_call("toDate32"),
        render=_call("toString"),
        fits=lambda text: f"(length({text}) = 10 AND {_four_digit_year(text)})",
        nearest=_bounded(f"toDate32('{FIRST_DAY}')", f"toDate32('{LAST_DAY}')"),
    ),
    "timestamp": _moment_codec(""),
    "timestamptz": _moment_codec("+00"),
}
