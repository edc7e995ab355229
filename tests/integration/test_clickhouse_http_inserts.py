"""Inserts through the ClickHouse endpoint: nothing lost, nothing half there."""

import gzip
import socket
import struct
import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import zstandard
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData
from fix_clickhouse_http import PASSWORD, Endpoint

from stores.local.clickhouse_http.checksum import checksum
from stores.local.clickhouse_http.native_blocks import NativeDecompressor

MANY = 500_000


def make_table(endpoint: Endpoint, name: str, columns: str = "id UInt64, note String") -> str:
    table = f"shop.{name}"
    endpoint.text(f"CREATE OR REPLACE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY id")
    return table


@pytest.mark.parametrize("compression", ["lz4", "zstd", "gzip", False])
def test_half_a_million_rows_arrive_whatever_compresses_them(
    endpoint: Endpoint, compression: str | bool
) -> None:
    table = make_table(endpoint, "many", "id UInt64, note LowCardinality(String)")
    client = endpoint.connect(compress=compression)
    columns = [range(MANY), [f"note {n % 7}" for n in range(MANY)]]
    client.insert(table, columns, column_names=["id", "note"], column_oriented=True)
    rows = endpoint.text(f"SELECT count(), sum(id), uniqExact(note) FROM {table}")
    assert rows == f"{MANY}\t{MANY * (MANY - 1) // 2}\t7"
    assert client.query(f"SELECT max(id) FROM {table}").first_row == (MANY - 1,)
    client.close()


def row_binary(number: int, text: bytes) -> bytes:
    return struct.pack("<Q", number) + bytes([len(text)]) + text


@pytest.mark.parametrize("first", [0x0A, 0x0D, 0x20, 0x09, 0x00, 0xFF, 0x3B])
def test_no_first_byte_of_the_data_is_taken_for_white_space(endpoint: Endpoint, first: int) -> None:
    table = make_table(endpoint, "first_byte")
    data = row_binary(first, bytes(range(127))) + row_binary(first + 256, bytes(range(127, 254)))
    for sql, body in (
        (f"INSERT INTO {table} FORMAT RowBinary", data),
        (None, f"INSERT INTO {table} FORMAT RowBinary\n".encode() + data),
    ):
        endpoint.text(body) if sql is None else endpoint.text(sql, body)
    rows = endpoint.text(f"SELECT count(), min(id), sum(cityHash64(note)) FROM {table}")
    expected = endpoint.text(
        "SELECT 4, toUInt64({first:UInt64}), 2 * (cityHash64(unhex({a:String}))"
        " + cityHash64(unhex({b:String})))",
        param_first=first,
        param_a=bytes(range(127)).hex(),
        param_b=bytes(range(127, 254)).hex(),
    )
    assert rows == expected


def test_every_byte_value_survives_the_way_in_and_out(endpoint: Endpoint) -> None:
    table = make_table(endpoint, "bytes")
    values = [bytes([n]) * 3 for n in range(256)]
    client = endpoint.connect()
    client.insert(
        table, [list(range(256)), values], column_names=["id", "note"], column_oriented=True
    )
    found = client.query(
        f"SELECT note FROM {table} ORDER BY id", query_formats={"String": "bytes"}
    ).result_columns[0]
    assert [bytes(value) for value in found] == values
    client.close()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("lz4", lz4.frame.compress),
        ("identity", bytes),
    ],
)
def test_statement_and_data_may_be_compressed_together(
    endpoint: Endpoint, encoding: str, compress: Any
) -> None:
    table = make_table(endpoint, "together")
    body = compress(f"INSERT INTO {table} FORMAT CSV\n1,one\n".encode()) + compress(b"2,two\n")
    response = endpoint.client.post("/", content=body, headers={"Content-Encoding": encoding})
    assert response.status_code == 200, response.text
    assert endpoint.text(f"SELECT * FROM {table} ORDER BY id") == "1\tone\n2\ttwo"


@pytest.mark.parametrize(
    ("statement", "data"),
    [
        ("VALUES", b"(1, 'a;b'),\n\n(1 + 1, upper('c'))"),
        ("FORMAT JSONEachRow", b'{"id": 1, "note": "a;b"}\n{"id": 2, "note": "C"}\n'),
        ("FORMAT TSVWithNames", b"note\tid\na;b\t1\nC\t2\n"),
        ("SETTINGS max_insert_block_size = 1 FORMAT CSV", b'1,"a;b"\n2,C\n'),
        ("SELECT * FROM input('id UInt64, note String') FORMAT CSV", b'1,"a;b"\n2,C\n'),
    ],
)
def test_rows_come_in_any_format(endpoint: Endpoint, statement: str, data: bytes) -> None:
    table = make_table(endpoint, "formats")
    endpoint.text(f"INSERT INTO {table} (id, note) {statement}\n".encode() + data)
    assert endpoint.text(f"SELECT id, note FROM {table} ORDER BY id") == "1\ta;b\n2\tC"


def test_the_table_of_an_insert_may_be_a_parameter(endpoint: Endpoint) -> None:
    table = make_table(endpoint, "named")
    endpoint.text(
        b"INSERT INTO {t:Identifier} VALUES (7, {note:String})",
        param_t=table,
        param_note="it's",
    )
    assert endpoint.text(f"SELECT * FROM {table}") == "7\tit\\'s"


def test_the_summary_counts_what_was_written(endpoint: Endpoint) -> None:
    table = make_table(endpoint, "counted")
    client = endpoint.connect()
    summary = client.insert(table, [[1, "a"], [2, "b"]], column_names=["id", "note"])
    assert summary.written_rows == 2
    assert (
        client.command(f"INSERT INTO {table} SELECT number, '' FROM numbers(3)").written_rows == 3
    )
    client.close()


@pytest.mark.parametrize("cut", ["frame", "bytes", "rows"])
def test_a_broken_body_inserts_nothing(endpoint: Endpoint, cut: str) -> None:
    table = make_table(endpoint, "broken")
    rows = b"".join(b"%d,note\n" % n for n in range(50_000))
    body, headers = rows, {}
    if cut == "frame":
        body, headers = lz4.frame.compress(rows)[:-2000], {"Content-Encoding": "lz4"}
    elif cut == "bytes":
        body, headers = lz4.frame.compress(rows)[:500] + b"x" * 999, {"Content-Encoding": "lz4"}
    else:
        body = rows + b"not a number,note\n"
    response = endpoint.client.post(
        "/", params={"query": f"INSERT INTO {table} FORMAT CSV"}, content=body, headers=headers
    )
    assert response.status_code >= 400
    assert int(response.headers["X-ClickHouse-Exception-Code"]) > 0
    assert endpoint.text(f"SELECT count() FROM {table}") == "0"


def test_a_client_that_hangs_up_in_the_middle_has_inserted_nothing(endpoint: Endpoint) -> None:
    table = make_table(endpoint, "hung_up")
    token = b64encode(f"default:{PASSWORD}".encode()).decode()
    statement = f"INSERT INTO {table} FORMAT CSV\n".encode() + b"1,note\n" * 1000
    with socket.create_connection(("127.0.0.1", endpoint.port)) as wire:
        head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\n"
        wire.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        wire.sendall(b"%x\r\n" % len(statement) + statement + b"\r\n")
        wire.shutdown(socket.SHUT_WR)
        assert wire.recv(100) == b""
    assert endpoint.text(f"SELECT count() FROM {table}") == "0"


def test_many_clients_insert_at_once(endpoint: Endpoint) -> None:
    table = make_table(endpoint, "at_once")

    def insert(number: int) -> None:
        for part in range(5):
            start = number * 5000 + part * 1000
            data = b"".join(b"%d,x\n" % n for n in range(start, start + 1000))
            endpoint.text(f"INSERT INTO {table} FORMAT CSV", data)

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert endpoint.text(f"SELECT count(), uniqExact(id) FROM {table}") == "40000\t40000"


def test_a_query_joins_data_that_came_along(endpoint: Endpoint) -> None:
    client = endpoint.connect()
    data = ExternalData(
        file_name="prices.tsv", data=b"apple\t3\npear\t4\n", structure="name String, price UInt8"
    )
    data.add_file(file_name="stock.csv", data=b"apple,10\n", fmt="CSV", types="String,UInt16")
    sql = "SELECT name, price * _2 FROM prices JOIN stock ON name = _1"
    for _ in range(2):
        assert client.query(sql, external_data=data).result_rows == [("apple", 30)]
    client.close()


def test_settings_say_how_data_that_came_along_is_parsed(endpoint: Endpoint) -> None:
    client = endpoint.connect()
    rows = b"apple,3\npear,none\nplum,5\n"
    data = ExternalData(
        file_name="prices.csv", data=rows, fmt="CSV", structure="name String, price UInt8"
    )
    sql = "SELECT name, price FROM prices ORDER BY name"
    tolerant = {"input_format_allow_errors_num": 1}
    found = client.query(sql, external_data=data, settings=tolerant)
    assert found.result_rows == [("apple", 3), ("plum", 5)]
    reading = client.query(sql, external_data=data, settings={**tolerant, "readonly": 1})
    assert reading.result_rows == found.result_rows
    with pytest.raises(DatabaseError, match="INCORRECT_DATA"):
        client.query(sql, external_data=data)
    client.close()


def test_repeated_inserts_with_a_token_count_once(endpoint: Endpoint) -> None:
    endpoint.text(
        "CREATE OR REPLACE TABLE shop.once (id UInt64) ENGINE = MergeTree ORDER BY id"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    for _ in range(2):
        endpoint.text("INSERT INTO shop.once FORMAT CSV", b"1\n2\n", insert_deduplication_token="t")
    assert endpoint.text("SELECT count() FROM shop.once") == "2"


def test_the_checksum_of_blocks_is_the_engines(endpoint: Endpoint) -> None:
    endpoint.text(
        "CREATE OR REPLACE TABLE shop.blocks (id UInt64, note String) ENGINE = MergeTree"
        " ORDER BY id SETTINGS min_bytes_for_wide_part = 0"
    )
    endpoint.text("INSERT INTO shop.blocks SELECT number, hex(rand64()) FROM numbers(100000)")
    part = endpoint.text("SELECT path FROM system.parts WHERE table = 'blocks' AND active LIMIT 1")
    checked = 0
    for file in Path(part).glob("*.bin"):
        data = file.read_bytes()
        size = struct.unpack_from("<I", data, 17)[0]
        assert checksum(data[16 : 16 + size]) == data[:16]
        checked += 1
    assert checked >= 2


@pytest.mark.parametrize("rows", [0, 1, 300_000])
def test_clickhouses_own_blocks_come_in_and_go_out(endpoint: Endpoint, rows: int) -> None:
    table = make_table(endpoint, "own_blocks")
    sql = f"SELECT number, 'note' FROM numbers({rows}) FORMAT RowBinary"
    packed = endpoint.ask(sql, compress=1).content
    plain = endpoint.ask(sql).content
    reader = NativeDecompressor()
    assert reader.feed(packed) == plain
    insert = f"INSERT INTO {table} FORMAT RowBinary"
    endpoint.text(insert, packed, decompress=1)
    assert endpoint.text(f"SELECT count() FROM {table}") == str(rows)
    if rows:
        broken = packed[:30] + bytes([packed[30] ^ 1]) + packed[31:]
        refused = endpoint.ask(insert, broken, decompress=1)
        assert refused.headers["X-ClickHouse-Exception-Code"] == "40"
        assert endpoint.text(f"SELECT count() FROM {table}") == str(rows)
