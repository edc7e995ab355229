"""Every kind of value arrives exactly, and the snapshot and the stream agree on each."""

# A table of values is read line by line.
# ruff: noqa: E501
import pytest
from fix_capture import Capture

TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN numbers AS int[];
CREATE DOMAIN price AS numeric(10, 2);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE SCHEMA own;
CREATE TYPE own.date AS ENUM ('today');
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TABLE every_type (
    id int PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8,
    n numeric, n2 numeric(10, 2), n76 numeric(76, 10), n80 numeric(80, 10), n_neg numeric(5, -2),
    t text, vc varchar(300), c char(5), qc "char", by bytea, u uuid,
    d date, ts timestamp, tstz timestamptz, ti time, titz timetz, iv interval,
    j json, jb jsonb, x xml, ine inet, ci cidr, ma macaddr, m mood, dom positive, p pair,
    r int4range, tr tstzrange, mr int4multirange, pt point, o oid, mo money, bi bit(5),
    vb varbit, tsv tsvector,
    "na" name, pl pg_lsn, tsq tsquery, ma8 macaddr8, dr daterange, nr numrange, fr span,
    hs hstore, ct citext, od own.date, l line, ls lseg, bx box, pa path, po polygon, ce circle,
    rc regclass, xi xid8, jp jsonpath, iva int2vector, dnum numbers, dpr price,
    abx box[], apa pair[], aod own.date[], ahs hstore[], act citext[], ati time[], aiv interval[],
    ar int4range[], ac char(3)[], adpr price[],
    ai int[], at text[], ats timestamptz[], af float8[], an numeric(10, 2)[], ab bool[],
    au uuid[], am mood[], aj jsonb[], ad date[], aby bytea[], ap positive[],
    nn_t text NOT NULL DEFAULT 'x', nn_n numeric(6, 2) NOT NULL DEFAULT 1.5,
    nn_ts timestamptz NOT NULL DEFAULT '2024-01-02 03:04:05+00',
    nn_a int[] NOT NULL DEFAULT '{1}', nn_m mood NOT NULL DEFAULT 'ok',
    generated int GENERATED ALWAYS AS (i2 + 1) STORED, shown int GENERATED ALWAYS AS (i2 * 2) VIRTUAL,
    "a `strange` ""name""\\ ü" text
);
"""
# Column, value in PostgreSQL, and its text in ClickHouse (absent: the same as PostgreSQL's).
VALUES = [
    ("b", "true", "true"), ("b", "false", "false"), ("b", "NULL", None),
    ("i2", "-32768", "-32768"), ("i2", "32767", "32767"),
    ("i4", "-2147483648", "-2147483648"), ("i4", "2147483647", "2147483647"),
    ("i8", "-9223372036854775808", "-9223372036854775808"),
    ("i8", "9223372036854775807", "9223372036854775807"),
    ("f4", "'NaN'", "nan"), ("f4", "'-Infinity'", "-inf"), ("f4", "1.17549435e-38", "1.1754944e-38"),
    ("f4", "3.4028235e38", "3.4028235e38"), ("f4", "'-0'", "-0"), ("f4", "0.1", "0.1"),
    ("f8", "'NaN'", "nan"), ("f8", "'Infinity'", "inf"), ("f8", "'-0'", "-0"),
    ("f8", "5e-324", "5e-324"), ("f8", "1.7976931348623157e308", "1.7976931348623157e308"),
    ("f8", "0.1::float8 + 0.2::float8", "0.30000000000000004"),
    ("f8", "123456789012345680", "123456789012345680"),
    ("n", "'NaN'", "NaN"), ("n", "'Infinity'", "Infinity"), ("n", "1.50", "1.50"),
    ("n", "(10::numeric ^ 200)", None), ("n", "-0.000000000000000000000000000001", None),
    ("n2", "12345678.90", "12345678.9"), ("n2", "-0.01", "-0.01"), ("n2", "'NaN'", None),
    ("n76", "123456789012345678901234567890123456789012345678901234567890123456.0123456789",
     "123456789012345678901234567890123456789012345678901234567890123456.0123456789"),
    ("n80", "1234567890.5", "1234567890.5000000000"), ("n_neg", "12345", "12300"),
    ("t", "''", ""), ("t", "E'tab\\tnew\\nline\\r\\\\ back \\b \\f \\v \\x01'", "tab\tnew\nline\r\\ back \b \f \v \x01"),
    ("t", "'\\N'", "\\N"), ("t", "'NULL'", "NULL"),
    ("t", "U&'\\+01F600 \\FEFF \\0301 \\202E \\FFFD'", "\U0001f600 \ufeff \u0301 \u202e \ufffd"),
    ("t", "repeat('щ', 5000)", "щ" * 5000),
    ("vc", "'a''b'", "a'b"), ("c", "'ab'", "ab   "), ("qc", "'z'", "z"),
    ("u", "'00112233-4455-6677-8899-AABBCCDDEEFF'", "00112233-4455-6677-8899-aabbccddeeff"),
    ("d", "'2024-02-29'", "2024-02-29"), ("d", "'0001-01-01'", "0001-01-01"),
    ("d", "'9999-12-31'", "9999-12-31"), ("d", "'1899-12-31'", "1899-12-31"),
    ("d", "'infinity'", "9999-12-31"), ("d", "'-infinity'", "0001-01-01"),
    ("d", "'4713-01-01 BC'", "0001-01-01"), ("d", "'5874897-12-31'", "9999-12-31"),
    ("ts", "'2024-03-31 02:30:00.000001'", "2024-03-31 02:30:00.000001"),
    ("ts", "'infinity'", "9999-12-31 23:59:59.999999"), ("ts", "'294276-12-31 23:59:59'", "9999-12-31 23:59:59.999999"),
    ("ts", "'1000-01-01 00:00:00.5 BC'", "0001-01-01 00:00:00.000000"),
    ("tstz", "'2024-03-31 02:30:00.1+05:30'", "2024-03-30 21:00:00.100000"),
    ("tstz", "'1883-11-18 12:00:00 America/New_York'", None), ("tstz", "'-infinity'", "0001-01-01 00:00:00.000000"),
    ("tstz", "'1969-12-31 23:59:59.999999+00'", "1969-12-31 23:59:59.999999"),
    ("ti", "'24:00:00'", "24:00:00"), ("titz", "'10:11:12.5+03'", "10:11:12.5+03"),
    ("iv", "'1 year -2 days 03:04:05.6'", "1 year -2 days +03:04:05.6"),
    ("j", "'{\"b\":1, \"b\":2 , \"a.c\": null}'", '{"b":1, "b":2 , "a.c": null}'),
    ("jb", "'null'", "null"), ("jb", "'{\"x\": 1e400}'", None), ("jb", "'{\"a.b\": [1, null]}'", '{"a.b": [1, null]}'),
    ("ine", "'10.0.0.1'", "10.0.0.1"), ("ine", "'10.0.0.1/8'", "10.0.0.1/8"), ("ine", "'fe80::1/64'", "fe80::1/64"),
    ("ci", "'10.0.0.0/8'", "10.0.0.0/8"), ("ma", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),
    ("m", "'happy'", "happy"), ("dom", "7", "7"), ("p", "ROW(1, 'x,\"y')", '(1,"x,""y")'),
    ("r", "'[1,5)'", "[1,5)"), ("tr", "'[2024-01-01 00:00+00,)'", '["2024-01-01 00:00:00+00",)'),
    ("mr", "'{[1,3),[5,8)}'", "{[1,3),[5,8)}"), ("pt", "'(1.5,-2)'", "(1.5,-2)"),
    ("o", "4294967295", "4294967295"), ("mo", "12.34", None), ("bi", "B'10101'", "10101"),
    ("vb", "B'1'", "1"), ("tsv", "'a fat cat'::tsvector", "'a' 'cat' 'fat'"),
    ("ai", "'{}'", "[]"), ("ai", "'{1,NULL,-3}'", "[1,NULL,-3]"), ("ai", "'{{1,2},{3,4}}'", "[1,2,3,4]"),
    ("ai", "'[2:3]={7,8}'", "[7,8]"), ("ai", "NULL", "[]"),
    ("at", "ARRAY['', 'NULL', NULL, 'a b', 'q\"q', 'b\\s', '{c}', 'd,e', E'n\\nl', 'Ж']",
     "['','NULL',NULL,'a b','q\"q','b\\\\s','{c}','d,e','n\\nl','Ж']"),
    ("ats", "ARRAY['2024-01-01 00:00:00.5+00', NULL]::timestamptz[]", "['2024-01-01 00:00:00.500000',NULL]"),
    ("ats", "ARRAY['infinity']::timestamptz[]", "['9999-12-31 23:59:59.999999']"),
    ("af", "'{1.5,NaN,-Infinity,NULL,-0}'", "[1.5,nan,-inf,NULL,-0]"),
    ("an", "'{1.10,NULL,NaN}'", "[1.1,NULL,NULL]"), ("ab", "'{t,f,NULL}'", "[true,false,NULL]"),
    ("au", "'{00112233-4455-6677-8899-aabbccddeeff}'", "['00112233-4455-6677-8899-aabbccddeeff']"),
    ("am", "'{sad,NULL}'", "['sad',NULL]"), ("aj", "ARRAY['{\"a\": \"b\\\"c\"}'::jsonb]", None),
    ("ad", "'{2024-01-01,-infinity}'", "['2024-01-01','0001-01-01']"),
    ("na", "'a name'", "a name"), ("pl", "'16/B374D848'", "16/B374D848"), ("tsq", "'a & b'", "'a' & 'b'"),
    ("ma8", "'08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05"), ("qc", "'\\001'", None),
    ("dr", "'[2024-01-01,2024-02-01)'", "[2024-01-01,2024-02-01)"), ("dr", "'(,infinity)'", "(,infinity)"),
    ("nr", "'[1.50,NaN]'", "[1.50,NaN]"), ("fr", "'(-0.5,1e300)'", "(-0.5,1e+300)"), ("r", "'empty'", "empty"),
    ("hs", "'a=>1, b=>NULL'", '"a"=>"1", "b"=>NULL'), ("ct", "'MiXed'", "MiXed"), ("od", "'today'", "today"),
    ("l", "'{1,2,3}'", "{1,2,3}"), ("ls", "'[(0,0),(1,1)]'", "[(0,0),(1,1)]"), ("bx", "'(2,2),(0,0)'", "(2,2),(0,0)"),
    ("pa", "'[(0,0),(1,1)]'", "[(0,0),(1,1)]"), ("po", "'((0,0),(1,1))'", "((0,0),(1,1))"), ("ce", "'<(1,2),3>'", "<(1,2),3>"),
    ("rc", "'pg_class'", "pg_class"), ("xi", "'18446744073709551615'", "18446744073709551615"),
    ("jp", "'$.a[*]'", '$."a"[*]'), ("iva", "'1 2 3'", "1 2 3"), ("mo", "'-1.5'", None), ("bi", "B'00000'", "00000"),
    ("dnum", "'{1,NULL}'", "[1,NULL]"), ("dpr", "1.50", "1.5"), ("dpr", "'NaN'", None),
    ("abx", "ARRAY['(2,2),(0,0)', '(1,1),(0,0)']::box[]", "{(2,2),(0,0);(1,1),(0,0)}"),
    ("apa", "ARRAY[ROW(1, 'x,\"y')::pair, NULL]", None), ("aod", "'{today,NULL}'", "['today',NULL]"),
    ("ahs", "ARRAY['a=>1'::hstore, NULL]", None), ("act", "'{A,b}'", "['A','b']"),
    ("ati", "'{24:00:00,10:11:12.5}'", "['24:00:00','10:11:12.5']"), ("aiv", "'{1 day,NULL}'", "['1 day',NULL]"),
    ("ar", "ARRAY['[1,5)', 'empty']::int4range[]", "['[1,5)','empty']"), ("ac", "'{ab,NULL}'", "['ab ',NULL]"),
    ("adpr", "'{1.10,NaN,NULL}'", "[1.1,NULL,NULL]"), ("n_neg", "'NaN'", "NaN"), ("i2", "7", "7"),
    ("n", "'-Infinity'", "-Infinity"), ("f4", "'Infinity'", "inf"), ("f8", "'-Infinity'", "-inf"),
    ("d", "'1900-01-01'", "1900-01-01"), ("d", "'10000-01-01'", "9999-12-31"), ("d", "'0001-12-31 BC'", "0001-01-01"),
    ("ts", "'0001-01-01 00:00:00'", "0001-01-01 00:00:00.000000"), ("ts", "'9999-12-31 23:59:59.999999'", "9999-12-31 23:59:59.999999"),
    ("tstz", "'0001-01-01 00:00:00+01'", "0001-01-01 00:00:00.000000"), ("jb", "NULL", None), ("j", "'null'", "null"),
    ("iv", "'-1 mons +2 days -00:00:00.000001'", "-1 mons +2 days -00:00:00.000001"), ("iv", "'infinity'", "infinity"),
    ("ine", "'::1'", "::1"), ("ine", "'10.1.2.3/32'", "10.1.2.3"), ("by", "''", ""), ("t", "E'\\u200b'", "\u200b"),
    ("ap", "'{1,2}'", "[1,2]"), ("nn_n", "'NaN'", "0"), ("nn_ts", "'infinity'", "9999-12-31 23:59:59.999999"),
]  # fmt: skip
INSERTS = [
    f"INSERT INTO every_type (id, {column}) VALUES ({number}, {value})"
    for number, (column, value, _) in enumerate(VALUES)
] + [
    'INSERT INTO every_type (id, "a `strange` ""name""\\ ü") VALUES (1000, \'named\')',
    "INSERT INTO every_type (id, by) SELECT 1001, string_agg(set_byte('\\x00', 0, n), '')"
    " FROM generate_series(0, 255) AS n",
    "INSERT INTO every_type (id, aby) VALUES (1002, ARRAY['\\x00ff22'::bytea, NULL])",
]
ALL_COLUMNS_TEXT = "SELECT id, toString(tuple(* EXCEPT id)) FROM oltp.every_type ORDER BY id"


@pytest.fixture
def types(capture: Capture) -> Capture:
    capture.sql(*[part for part in TYPES.split(";\n") if part.strip()])
    capture.publish("every_type")
    return capture


def test_snapshot_and_stream_give_the_same_value_of_every_type(types: Capture) -> None:
    types.sql(*INSERTS)
    types.settle()
    types.assert_equal()
    snapshot = types.rows(ALL_COLUMNS_TEXT)
    adjusted = types.rows("SELECT id, _adjusted FROM oltp_log.every_type FINAL ORDER BY id")

    types.sql("DELETE FROM every_type", *INSERTS)
    types.settle()

    types.assert_equal()
    assert types.rows(ALL_COLUMNS_TEXT) == snapshot
    assert (
        types.rows(
            "SELECT id, _adjusted FROM oltp_log.every_type FINAL WHERE _is_deleted = 0 ORDER BY id"
        )
        == adjusted
    )
    assert len(snapshot) == len(INSERTS)


def test_each_value_is_the_one_clickhouse_would_write(types: Capture) -> None:
    types.settle()
    types.sql(*INSERTS)
    types.settle()
    for number, (column, value, expected) in enumerate(VALUES):
        if expected is None:
            continue
        text = f"if(isNull({column}), NULL, toString({column}))"
        found = types.rows(f"SELECT {text} FROM oltp.every_type WHERE id = {number}")
        assert found == [(expected,)], (column, value)


def test_what_clickhouse_cannot_hold_is_adjusted_and_its_text_is_kept(types: Capture) -> None:
    types.settle()
    types.sql(
        "INSERT INTO every_type (id, n2, d, ts, ai) VALUES"
        " (1, 'NaN', '4713-01-01 BC', 'infinity', '{{1,2},{3,4}}')"
    )
    types.settle()
    assert types.rows("SELECT n2, toString(d), ai FROM oltp.every_type") == [
        (None, "0001-01-01", [1, 2, 3, 4])
    ]
    kept = types.rows("SELECT _adjusted FROM oltp_log.every_type FINAL")[0][0]
    assert {name: kept[name] for name in ("n2", "d", "ts", "ai")} == {
        "n2": "NaN",
        "d": "4713-01-01 BC",
        "ts": "infinity",
        "ai": "{{1,2},{3,4}}",
    }


def test_a_value_added_to_an_enum_while_capture_runs_arrives(types: Capture) -> None:
    types.settle()
    types.sql("ALTER TYPE mood ADD VALUE 'great'")
    types.sql("INSERT INTO every_type (id, m, am) VALUES (1, 'great', '{great}')")
    types.settle()
    assert types.rows("SELECT m, am FROM oltp.every_type") == [("great", ["great"])]


def test_the_exact_types_of_the_columns(types: Capture) -> None:
    types.settle()
    found = dict(
        types.rows(
            "SELECT name, type FROM system.columns"
            f" WHERE database = '{types.options.target_database}'"
        )
    )
    wanted = {
        "id": "Int32", "b": "Nullable(Bool)", "n": "Nullable(String)",
        "n2": "Nullable(Decimal(10, 2))", "n80": "Nullable(String)", "u": "Nullable(UUID)",
        "d": "Nullable(Date32)", "tstz": "Nullable(DateTime64(6, 'UTC'))", "f4": "Nullable(Float32)",
        "jb": "Nullable(String)", "m": "LowCardinality(Nullable(String))", "dom": "Nullable(Int32)",
        "nn_t": "String", "nn_m": "LowCardinality(String)", "nn_n": "Decimal(6, 2)",
        "ats": "Array(Nullable(DateTime64(6, 'UTC')))", "am": "Array(Nullable(String))",
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
