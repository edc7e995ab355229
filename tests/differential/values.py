"""Values of every documented type, as SQL: ordinary ones, and those at the edges.

Belongs here: what is written. How it is read back on each side belongs to `oracle`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Make = Callable[[Random], str]


@dataclass(frozen=True)
class Kind:
    """A column type: its SQL, how one value of it is made, and one for each number `n`."""

    sql: str
    make: Make
    series: str
    edges: tuple[str, ...] = ()

    def value(self, chance: Random, null_share: float = 0.1) -> str:
        """One value; NULL now and then."""
        if chance.random() < null_share:
            return "NULL"
        if self.edges and chance.random() < 0.3:
            return chance.choice(self.edges)
        return self.make(chance)


def quoted(text: str) -> str:
    """A PostgreSQL literal."""
    return "'" + text.replace("'", "''") + "'"


_WORDS = (
    "", "NULL", "null", "\\N", "a", "Ж", "\U0001f600", "tab\there", "line\nfeed", "back\\slash",
    'quo"te', "quo''te", "{curly}", "com,ma", "[1,2)", " padded ", "ﬀ\u0301", "\u202e\ufeff",
    "\r\n", "\x01\x7f", "%s {0} $1", "🏳️‍🌈", "t", "f",
)  # fmt: skip


def _word(chance: Random) -> str:
    return quoted(chance.choice(_WORDS) + str(chance.randrange(1000)) * chance.randrange(3))


def _short(chance: Random) -> str:
    return quoted((chance.choice(_WORDS) + str(chance.randrange(100)))[:8])


def _large(chance: Random) -> str:
    """Too long to stay in its row, and not to be compressed away."""
    repeats = chance.choice((0, 1, 90, 300))
    return (
        f"(SELECT coalesce(string_agg(md5(({chance.randrange(10**9)} + i)::text), ''), 'short')"
        f" FROM generate_series(1, {repeats}) i)"
    )


def _integer(bits: int) -> Make:
    most = 2 ** (bits - 1) - 1
    return lambda chance: str(
        chance.choice((chance.randrange(-9, 9), chance.randint(-most - 1, most)))
    )


def _extremes(bits: int) -> tuple[str, ...]:
    # In quotes, for a bare minus binds looser than a cast.
    return tuple(quoted(str(number)) for number in (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0))


def _decimal(digits: int, scale: int) -> Make:
    def make(chance: Random) -> str:
        number = chance.randrange(10 ** chance.randrange(1, digits))
        text = str(number).rjust(scale + 1, "0")
        sign = chance.choice(("", "-"))
        return quoted(f"{sign}{text[:-scale]}.{text[-scale:]}")

    return make


def _float(chance: Random) -> str:
    return quoted(repr(chance.uniform(-1, 1) * 10.0 ** chance.randrange(-30, 30)))


def _day(chance: Random) -> str:
    return (
        f"{chance.randrange(1, 9999):04}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
    )


def _clock(chance: Random) -> str:
    fraction = chance.choice(("", ".5", ".000001", ".123456", ".10"))
    return (
        f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}{fraction}"
    )


def _moment(chance: Random) -> str:
    return f"{_day(chance)} {_clock(chance)}"


def _uuid(chance: Random) -> str:
    text = f"{chance.getrandbits(128):032x}"
    return quoted("-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])))


def _json(chance: Random) -> str:
    return quoted(
        chance.choice(
            (
                f'{{"a.b": [{chance.randrange(99)}, null], "ключ": "v\\"{chance.random()}"}}',
                f'{{"b":1,"b":{chance.randrange(9)}}}',
                f"[{chance.random()}, {{}}, []]",
                str(chance.randrange(10**12)),
                '"text\\u0041\\n"',
            )
        )
    )


def _bytes(chance: Random) -> str:
    return f"'\\x{chance.randbytes(chance.choice((0, 1, 3, 40))).hex()}'"


def _network(chance: Random) -> str:
    return quoted(
        chance.choice(
            (
                f"10.{chance.randrange(256)}.0.1/{chance.randrange(8, 33)}",
                f"fe80::{chance.randrange(1, 9999):x}/64",
            )
        )
    )


def _interval(chance: Random) -> str:
    return quoted(f"{chance.randrange(-5, 5)} mon {chance.randrange(40)} days {_clock(chance)}")


def _hardware(chance: Random) -> str:
    return quoted(f"08:00:2b:01:02:{chance.randrange(256):02x}")


def _span(chance: Random) -> str:
    first = chance.randrange(100)
    return quoted(f"[{first},{first + chance.randrange(1, 50)})")


def array_of(kind: Kind) -> Kind:
    """One dimension mostly, NULLs among the elements."""

    def make(chance: Random) -> str:
        items = [kind.value(chance, 0.2) for _ in range(chance.choice((0, 1, 2, 5)))]
        return f"ARRAY[{', '.join(items)}]::{kind.sql}[]"

    two = f"ARRAY[[{kind.series.format(n=1)}], [{kind.series.format(n=2)}]]::{kind.sql}[]"
    return Kind(f"{kind.sql}[]", make, f"ARRAY[{kind.series}]::{kind.sql}[]", ("'{}'", two))


_EDGE_DAYS = (
    "'infinity'", "'-infinity'", "'4713-01-01 BC'", "'0001-01-01'", "'9999-12-31'",
    "'1899-12-31'", "'2299-12-31'", "'1969-12-31'",
)  # fmt: skip
_EDGE_MOMENTS = (
    *_EDGE_DAYS, "'294276-12-31 23:59:59.999999'", "'9999-12-31 23:59:59.999999'",
    "'0001-01-01 00:00:00'", "'1883-11-18 12:03:58'", "'2024-03-31 02:30:00.000001'",
)  # fmt: skip
_EDGE_FLOATS = ("'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "0", "'1e-30'", "'0.1'")

INT2 = Kind("smallint", _integer(16), "({n} % 30000)", _extremes(16))
INT4 = Kind("integer", _integer(32), "{n}", _extremes(32))
INT8 = Kind("bigint", _integer(64), "({n} * 10000000000)", _extremes(64))
FLOAT4 = Kind(
    "real", lambda c: f"{_float(c)}::float8::real", "({n} / 7.0)::real",
    (*_EDGE_FLOATS, "'3.4028235e38'"),
)  # fmt: skip
FLOAT8 = Kind(
    "double precision", _float, "({n} / 7.0)::float8",
    (*_EDGE_FLOATS, "'5e-324'", "'1.7976931348623157e308'"),
)  # fmt: skip
MONEYLIKE = Kind("numeric(10,2)", _decimal(10, 2), "({n} / 100.0)", ("'NaN'", "'-99999999.99'"))
NUMERIC = Kind(
    "numeric", _decimal(40, 12), "({n} / 1000.0)",
    ("'NaN'", "'Infinity'", "'-Infinity'", "'1.50'", "'1e200'", "'0.000000'"),
)  # fmt: skip
TEXT = Kind("text", _word, "('text ' || {n})", ("''", "'NULL'", "E'\\\\N'"))
LARGE = Kind("text", _large, "repeat(md5({n}::text), 30)")
VARCHAR = Kind("varchar(20)", _short, "('v' || {n})", ("''",))
UUID = Kind("uuid", _uuid, "md5({n}::text)::uuid")
BYTES = Kind("bytea", _bytes, "decode(md5({n}::text), 'hex')", ("'\\x'", "'\\x000a5c'"))
DATE = Kind("date", lambda c: quoted(_day(c)), "('2000-01-01'::date + {n}::int % 9999)", _EDGE_DAYS)
MOMENT = Kind(
    "timestamp", lambda c: quoted(_moment(c)),
    "('2000-01-01'::timestamp + {n} * interval '1 s')", _EDGE_MOMENTS,
)  # fmt: skip
MOMENT_TZ = Kind(
    "timestamptz", lambda c: quoted(_moment(c) + c.choice(("+00", "-11:30", "+05"))),
    "('2000-01-01Z'::timestamptz + {n} * interval '1 s')", _EDGE_MOMENTS,
)  # fmt: skip

KINDS: tuple[Kind, ...] = (
    INT2, INT4, INT8, FLOAT4, FLOAT8, MONEYLIKE, NUMERIC, TEXT, LARGE, VARCHAR, UUID, BYTES,
    DATE, MOMENT, MOMENT_TZ,
    Kind("boolean", lambda c: c.choice(("true", "false")), "({n} % 2 = 0)"),
    Kind("numeric(76,10)", _decimal(76, 10), "({n} / 1000.0)", (quoted("-" + "9" * 66 + ".0"),)),
    Kind("numeric(80,3)", _decimal(80, 3), "({n} / 1000.0)", ("'NaN'",)),
    Kind("char(9)", _short, "('c' || {n} % 9999)", ("''", "'a  '")),
    Kind("time", lambda c: quoted(_clock(c)), "('00:00'::time + {n} * interval '1 s')",
         ("'24:00:00'", "'00:00:00'")),
    Kind("timetz", lambda c: quoted(_clock(c) + "+03"),
         "('00:00Z'::timetz + {n} * interval '1 s')"),
    Kind("interval", _interval,
         "({n} * interval '1 s')", ("'0'", "'-1 year -2 days 03:04:05.6'")),
    Kind("json", _json, "('{{\"n\" : ' || {n} || '}}')::json", ("'null'", "'{\"a\":1e400}'")),
    Kind("jsonb", _json, "('{{\"n\" : ' || {n} || '}}')::jsonb", ("'null'", "'{\"a\":1e400}'")),
    Kind("inet", _network, "('10.0.0.0'::inet + {n})", ("'10.0.0.1'", "'::'")),
    Kind("cidr", lambda c: quoted(f"10.{c.randrange(256)}.0.0/16"), "'10.0.0.0/8'"),
    Kind("macaddr", _hardware, "'08:00:2b:01:02:03'"),
    Kind("int4range", _span, "int4range({n}, {n} + 5)", ("'empty'", "'(,)'")),
    Kind("int4multirange", lambda _: "'{[1,3),[5,8)}'", "'{{[1,3)}}'", ("'{}'",)),
    Kind("point", lambda _: "'(1.5,-2)'", "point({n}, 0.1)"),
    Kind("bit(5)", lambda c: f"B'{c.randrange(32):05b}'", "{n}::int::bit(5)"),
    Kind("oid", lambda c: str(c.randrange(2**32)), "{n}::oid", ("4294967295",)),
    Kind("money", lambda c: quoted(f"{c.randrange(10**6) / 100}"), "{n}::int::money"),
    Kind("tsvector", lambda _: "to_tsvector('simple', 'a fat cat')",
         "to_tsvector('simple', 'x')"),
    array_of(INT4), array_of(TEXT), array_of(MONEYLIKE), array_of(FLOAT8), array_of(UUID),
    array_of(MOMENT_TZ), array_of(DATE), array_of(BYTES),
    array_of(Kind("boolean", lambda c: c.choice(("true", "false")), "true")),
    array_of(Kind("jsonb", _json, "'1'::jsonb")),
)  # fmt: skip


def own_kinds(prefix: str) -> tuple[Kind, ...]:
    """Types that a story makes for itself: an enum, a domain, a composite."""
    mood = Kind(
        f"{prefix}_mood",
        lambda c: quoted(c.choice(("sad", "ok", "it's, {odd}"))),
        f"('{{{{sad,ok}}}}'::text[])[1 + ({{n}} % 2)::int]::{prefix}_mood",
    )
    return (
        mood,
        array_of(mood),
        Kind(f"{prefix}_positive", lambda c: str(c.randrange(1, 99)), "({n} + 1)::int"),
        Kind(
            f"{prefix}_pair", lambda c: f"ROW({c.randrange(9)}, {_word(c)})", "ROW({n}::int, 'x')"
        ),
    )


def own_types(prefix: str) -> tuple[str, ...]:
    """The statements that make them."""
    return (
        f"CREATE TYPE {prefix}_mood AS ENUM ('sad', 'ok', 'it''s, {{odd}}')",
        f"CREATE DOMAIN {prefix}_positive AS int CHECK (VALUE > 0)",
        f"CREATE TYPE {prefix}_pair AS (a int, b text)",
    )
