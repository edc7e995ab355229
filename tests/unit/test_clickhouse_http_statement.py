"""How the ClickHouse endpoint tells a statement from its data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stores.local.clickhouse_http.exceptions import ClickHouseException
from stores.local.clickhouse_http.statement import Kind, parse


@given(st.binary())
def test_the_data_of_an_insert_are_taken_byte_for_byte(data: bytes) -> None:
    source = b"INSERT INTO shop.orders (id, note) FORMAT RowBinary\n" + data
    statement = parse(source)
    assert statement.kind is Kind.INSERT
    assert source[statement.data_at :] == data


@given(st.text(alphabet="'\\`\"-/*#;() \nFORMATx"))
def test_a_quoted_text_never_ends_a_statement_or_names_a_format(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    statement = parse(f"SELECT '{quoted}' FORMAT CSV".encode())
    assert statement.format == "CSV"


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT 1", None),
        ("SELECT 1 FORMAT JSON", "JSON"),
        ("SELECT 1 format TSV -- the end", "TSV"),
        ("SELECT 1 FORMAT CSV SETTINGS max_threads = 1;", "CSV"),
        ("SELECT 1 AS format", None),
        ("SELECT formatRow('CSV', 1) FORMAT TSV", "TSV"),
        ("SELECT * FROM (SELECT 1 FORMAT) AS t", None),
        ("SELECT 1;\u00a0", None),
    ],
)
def test_the_closing_format_clause_is_found(sql: str, name: str | None) -> None:
    assert parse(sql.encode()).format == name


@pytest.mark.parametrize(
    ("sql", "data"),
    [
        ("INSERT INTO t FORMAT CSV\n1,2", b"1,2"),
        ("INSERT INTO t FORMAT CSV 1,2", b"1,2"),
        ("INSERT INTO t FORMAT CSV\r\n1,2", b"1,2"),
        ("INSERT INTO t FORMAT CSV;\n1,2", b"1,2"),
        ("INSERT INTO t FORMAT CSV\n\n1,2", b"\n1,2"),
        ("INSERT INTO t (a) VALUES (1)", b"(1)"),
        ("INSERT INTO format (values) VALUES (1)", b"(1)"),
        ("INSERT INTO shop.values SETTINGS async_insert = 0 VALUES (1)", b"(1)"),
        ("INSERT INTO FUNCTION null('a Int8') FORMAT TSV\n1", b"1"),
        ("WITH 1 AS x INSERT INTO t FORMAT TSV\n1", b"1"),
        ("INSERT INTO t SELECT * FROM input('a Int8') FORMAT TSV\n1", b"1"),
    ],
)
def test_the_data_of_an_insert_begin_after_its_format(sql: str, data: bytes) -> None:
    assert sql.encode()[parse(sql.encode()).data_at :] == data


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t SELECT 1",
        "INSERT INTO t (a) SELECT 1 FORMAT TSV",
        "INSERT INTO t (SELECT 1)",
        "CREATE TABLE t (a Int8) ENGINE = Memory",
    ],
)
def test_what_carries_no_data_is_a_plain_command(sql: str) -> None:
    statement = parse(sql.encode())
    assert statement.kind is Kind.COMMAND
    assert statement.data_at is None


@pytest.mark.parametrize("sql", ["WITH insert AS (SELECT 1) SELECT 2", "WITH 1 AS insert SELECT 2"])
def test_a_name_may_be_insert(sql: str) -> None:
    assert parse(sql.encode()).kind is Kind.RESULT


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("", 62),
        (" -- nothing", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 48),
        ("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 48),
        ("CREATE TABLE t (a String) ENGINE = Executable('cat', 'TSV')", 497),
        ("CREATE TABLE t (a String) ENGINE File(CSV)", 497),
        ("CREATE DATABASE d ENGINE = `Filesystem`('/etc')", 497),
        ("CREATE DICTIONARY d (a Int8) SOURCE(EXECUTABLE(command 'cat'))", 497),
        ("CREATE TABLE t (a String) ENGINE = `Exec\\x75table`('cat', 'TSV')", 497),
        ("CREATE TABLE t (a Int8) ENGINE Log SETTINGS disk = disk(type = x, path = '/')", 497),
        ("SELECT * FROM python(os)", 497),
        ("SELECT * FROM Python /* of this process */ (os)", 497),
        ("SELECT 'python(os)' FROM \"pyth\\x6f\\Nn\"(os)", 497),
        ("SELECT * FROM remote('127.0.0.1', python(os))", 497),
        ("DESCRIBE TABLE python(os)", 497),
        ("CREATE VIEW v AS SELECT * FROM python(os)", 497),
        ("INSERT INTO t SELECT * FROM python(os)", 497),
        ("INSERT INTO FUNCTION python(os) VALUES (1)", 497),
        ("INSERT INTO FUNCTION python(os)", 497),
        ("SELECT file('/etc/passwd')", 497),
        ("SELECT `file`('/etc/passwd')", 497),
        ("CREATE FUNCTION f AS (x) -> file(x)", 497),
        ("SELECT * APPLY file FROM t", 497),
        ("SELECT * APPLY(file) FROM t", 497),
        ("SELECT arrayMap(file, names) FROM t", 497),
    ],
)
def test_what_a_server_would_not_do_is_refused(sql: str, code: int) -> None:
    with pytest.raises(ClickHouseException) as refused:
        parse(sql.encode())
    assert refused.value.code == code


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE file (a Int8) ENGINE = Memory",
        "CREATE TABLE IF NOT EXISTS shop.python (file String) ENGINE = Memory",
        "INSERT INTO python (file, a) VALUES ('x', 1)",
        "SELECT file, count() FROM python GROUP BY file",
        "SELECT 'file(x)', lower(file), concat(file, python) FROM shop.file",
    ],
)
def test_the_names_of_refused_functions_may_be_those_of_tables_and_columns(sql: str) -> None:
    parse(sql.encode())


def test_the_values_of_a_set_are_kept_as_written() -> None:
    statement = parse(b"SET max_threads = 1, session_timezone='Europe/Moscow', readonly")
    assert statement.assignments == (
        ("max_threads", b"1"),
        ("session_timezone", b"'Europe/Moscow'"),
        ("readonly", b"1"),
    )
