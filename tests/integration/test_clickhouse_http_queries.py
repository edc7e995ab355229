"""Queries through the ClickHouse endpoint, as a ClickHouse server would answer them."""

import gzip
import json
import socket
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Callable

import httpx
import lz4.frame
import pytest
import zstandard
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from fix_clickhouse_http import PASSWORD, Endpoint


def wait_until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.05)


def running(endpoint: Endpoint, mark: str) -> int:
    sql = "SELECT count() FROM system.processes WHERE query LIKE {like:String}"
    sql += " AND query NOT LIKE '%system.processes%'"
    return int(endpoint.text(sql, param_like=f"%{mark}%"))


def test_the_health_checks_need_no_password(endpoint: Endpoint) -> None:
    for path in ("/ping", "/", "/replicas_status"):
        response = httpx.get(f"{endpoint.url}{path.lstrip('/')}", trust_env=False)
        assert (response.status_code, response.text) == (200, "Ok.\n")
    assert httpx.head(f"{endpoint.url}ping", trust_env=False).status_code == 200
    assert httpx.options(endpoint.url, trust_env=False).status_code == 204
    assert endpoint.client.get("/nowhere").status_code == 404


def test_a_password_is_asked_for_in_every_way_that_clickhouse_knows(endpoint: Endpoint) -> None:
    def ask(**options: object) -> httpx.Response:
        return httpx.post(endpoint.url, content="SELECT 1", trust_env=False, **options)

    assert ask(auth=("default", PASSWORD)).text == "1\n"
    headers = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": PASSWORD}
    assert ask(headers=headers).text == "1\n"
    assert ask(params={"user": "default", "password": PASSWORD}).text == "1\n"
    wrong = ask(auth=("default", "wrong"))
    assert (wrong.status_code, wrong.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    assert ask(auth=("someone", PASSWORD)).status_code == 403
    nobody = ask()
    assert nobody.status_code == 401
    assert nobody.headers["WWW-Authenticate"].startswith("Basic")
    assert ask(auth=("default", PASSWORD), headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT * FROM shop.nothing_here", 404, 60),
        ("SELECT * FROM default.nothing_here", 404, 60),
        ("SELECT nothing_here", 404, 47),
        ("SELECT nothingHere(1)", 404, 46),
        ("SELECT * FROM nothing_here.t", 404, 81),
        ("SELECT 1 FORMAT Nothing", 404, 73),
        ("SELECT 1 SETTINGS nothing_here = 1", 404, 115),
        ("SELECT toUInt8('x')", 400, 6),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT sleep(2) SETTINGS max_execution_time = 0.1", 408, 159),
        ("SELECT * FROM file('/etc/passwd', 'LineAsString')", 403, 497),
        ("SELECT * FROM url('file:///etc/passwd', 'LineAsString')", 403, 497),
        ("SELECT * FROM sqlite('/tmp/x', 't')", 403, 497),
        ("SELECT * FROM python(os)", 403, 497),
        ("SELECT file('/etc/passwd')", 403, 497),
        ("INSERT INTO FUNCTION `pyth\\x6fn`(os) VALUES (1)", 403, 497),
    ],
)
def test_an_error_has_its_code_and_status(
    endpoint: Endpoint, sql: str, status: int, code: int
) -> None:
    response = endpoint.ask(sql)
    assert response.headers["X-ClickHouse-Exception-Code"] == str(code), response.text
    assert response.status_code == status
    assert response.text.startswith(f"Code: {code}. DB::Exception: ")
    assert "(version 26." in response.text


def test_the_default_database_is_like_any_other(endpoint: Endpoint) -> None:
    assert endpoint.text("EXISTS TABLE default.nothing_here") == "0"
    endpoint.text("CREATE TABLE IF NOT EXISTS default.shelf (a Int8) ENGINE = MergeTree ORDER BY a")
    endpoint.text("INSERT INTO default.shelf VALUES (7)")
    assert endpoint.text("SELECT a FROM shelf") == "7"
    assert endpoint.text("EXISTS TABLE default.shelf") == "1"
    endpoint.text("DROP TABLE default.shelf")


def test_the_headers_tell_about_the_result(endpoint: Endpoint) -> None:
    response = endpoint.ask("SELECT number FROM numbers(1000) FORMAT JSON", query_id="my query")
    assert response.headers["X-ClickHouse-Query-Id"] == "my query"
    assert response.headers["X-ClickHouse-Format"] == "JSON"
    assert response.headers["X-ClickHouse-Timezone"] == "UTC"
    assert response.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert json.loads(response.headers["X-ClickHouse-Summary"])["read_rows"] == "1000"
    assert response.json()["rows"] == 1000
    created = endpoint.ask("CREATE TABLE IF NOT EXISTS shop.none (a Int8) ENGINE = Memory")
    assert "X-ClickHouse-Format" not in created.headers


@pytest.mark.parametrize("name", ["JSON", "Parquet", "ArrowStream", "TSVWithNames", "CSV", "XML"])
def test_a_large_result_is_one_document_in_any_format(endpoint: Endpoint, name: str) -> None:
    sql = "SELECT number, toString(number) AS text FROM numbers(200000)"
    body = endpoint.ask(f"{sql} FORMAT {name}").content
    if name == "JSON":
        assert json.loads(body)["rows"] == 200_000
    elif name == "Parquet":
        assert body[:4] == body[-4:] == b"PAR1"
    elif name == "CSV":
        assert body.count(b"\n") == 200_000
    elif name == "XML":
        assert body.rstrip().endswith(b"</result>")
    elif name == "TSVWithNames":
        assert body.startswith(b"number\ttext\n0\t0\n")
        assert body.count(b"\n") == 200_001
    else:
        assert endpoint.connect().query_arrow(sql).num_rows == 200_000


@pytest.mark.parametrize(
    ("encoding", "decompress"),
    [
        ("lz4", lz4.frame.decompress),
        ("zstd", lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
        ("gzip", gzip.decompress),
    ],
)
def test_a_result_is_compressed_as_the_client_likes(
    endpoint: Endpoint, encoding: str, decompress: Callable[[bytes], bytes]
) -> None:
    sql = "SELECT number FROM numbers(300000)"
    url = "/?enable_http_compression=1"
    headers = {"Accept-Encoding": encoding}
    with endpoint.client.stream("POST", url, content=sql, headers=headers) as response:
        assert response.headers["Content-Encoding"] == encoding
        packed = b"".join(response.iter_raw())
    assert decompress(packed).count(b"\n") == 300_000
    plain = endpoint.client.post("/", content=sql, headers=headers)
    assert "Content-Encoding" not in plain.headers


def test_parameters_come_in_the_url_and_in_forms(endpoint: Endpoint) -> None:
    sql = "SELECT {text:String}, {n:UInt8} + 1, {names:Array(String)}[1]"
    values = {"param_text": "a\\tb", "param_n": "3", "param_names": "['x','y']"}
    assert endpoint.text(sql, **values) == "a\\tb\t4\tx"
    form = {name: (None, value) for name, value in {"query": sql, **values}.items()}
    assert endpoint.client.post("/", files=form).text == "a\\tb\t4\tx\n"
    client = endpoint.connect(form_encode_query_params=True)
    assert client.query("SELECT {n:UInt8}", parameters={"n": 7}).first_row == (7,)
    client.close()


def test_database_and_default_format_come_as_parameters_or_headers(endpoint: Endpoint) -> None:
    assert endpoint.text("SELECT currentDatabase()", database="shop") == "shop"
    headers = {"X-ClickHouse-Database": "shop", "X-ClickHouse-Format": "CSV"}
    response = endpoint.client.post("/", content="SELECT currentDatabase()", headers=headers)
    assert response.text == '"shop"\n'
    assert endpoint.ask("SELECT 1", database="nothing_here").status_code == 404


def test_a_session_keeps_tables_and_settings_but_not_those_of_one_request(
    endpoint: Endpoint,
) -> None:
    session = {"session_id": str(uuid.uuid4())}
    endpoint.text("SET max_block_size = 1234", **session)
    endpoint.text("CREATE TEMPORARY TABLE kept (a UInt8)", **session)
    endpoint.text("INSERT INTO kept VALUES (5)", **session)
    settings = "SELECT getSetting('max_block_size'), getSetting('max_threads') = 1, a FROM kept"
    before = endpoint.text(settings, **session)
    assert before == "1234\t0\t5"
    once = endpoint.text(settings, max_block_size=99, max_threads=1, database="shop", **session)
    assert once == "99\t1\t5"
    assert endpoint.text(settings, **session) == before
    assert endpoint.text("SELECT currentDatabase()", **session) == "default"
    endpoint.text("USE shop", **session)
    assert endpoint.text("SELECT currentDatabase()", **session) == "shop"
    assert endpoint.ask("SELECT * FROM kept").status_code == 404


def test_a_session_ends_with_its_time(endpoint: Endpoint) -> None:
    session = {"session_id": str(uuid.uuid4())}

    def code(**params: object) -> str:
        answer = endpoint.ask("EXISTS TEMPORARY TABLE kept", **session, **params)
        return answer.headers.get("X-ClickHouse-Exception-Code", answer.text.strip())

    assert code(session_check=1) == "372"
    assert code(session_timeout=99999) == "374"
    endpoint.text("CREATE TEMPORARY TABLE kept (a UInt8)", session_timeout=1, **session)
    # Asking would keep it alive, so the first question comes when it must be over.
    time.sleep(1.6)
    assert code(session_check=1) == "372"


def test_a_busy_session_says_so(endpoint: Endpoint) -> None:
    session = {"session_id": str(uuid.uuid4())}
    mark = f"busy {uuid.uuid4()}"
    slow = threading.Thread(
        target=endpoint.ask, args=(f"SELECT sleep(1.5), '{mark}'",), kwargs=session
    )
    slow.start()
    wait_until(lambda: running(endpoint, mark) == 1)
    refused = endpoint.ask("SELECT 1", **session)
    assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (500, "373")
    slow.join(10)
    assert endpoint.text("SELECT 1", **session) == "1"


def test_a_session_can_be_used_again_as_soon_as_it_has_answered_whole(endpoint: Endpoint) -> None:
    """Threads of dbt share connections: the next request of a session may come by another one
    before the server has given the session its own settings back."""
    own = "&".join(f"{name}=1" for name in ("max_threads", "max_block_size", "max_insert_threads"))
    path = f"/?session_id={uuid.uuid4()}&wait_end_of_query=1&database=shop&{own}"
    login = b64encode(f"default:{PASSWORD}".encode()).decode()
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
    request += "Content-Length: 8\r\n\r\nSELECT 1"
    address = ("127.0.0.1", endpoint.port)
    with socket.create_connection(address) as first, socket.create_connection(address) as second:
        for connection in [first, second] * 100:
            connection.settimeout(10)
            connection.sendall(request.encode())
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200"), answer


def test_a_link_changes_nothing(endpoint: Endpoint) -> None:
    sql = "CREATE TABLE shop.by_link (a Int8) ENGINE = Memory"
    for session in ({}, {"session_id": "links"}):
        response = endpoint.client.get("/", params={"query": sql, **session})
        assert response.headers["X-ClickHouse-Exception-Code"] == "164", response.text
        read = endpoint.client.get("/", params={"query": "SELECT 1", "max_threads": 1, **session})
        assert read.text == "1\n"
        assert endpoint.ask(sql, readonly=1, **session).status_code == 500
    assert endpoint.text("CREATE TEMPORARY TABLE t (a Int8)", session_id="links") == ""


def test_an_error_in_mid_stream_is_marked_and_breaks_the_transfer(endpoint: Endpoint) -> None:
    sql = "SELECT throwIf(number = 2000000) FROM numbers(3000000) FORMAT TSV"
    received: list[bytes] = []
    with endpoint.client.stream("POST", "/", content=sql) as response:
        assert response.status_code == 200
        tag = response.headers["X-ClickHouse-Exception-Tag"]
        with pytest.raises(httpx.RemoteProtocolError):
            received.extend(response.iter_raw())
    body = b"".join(received)
    assert f"__exception__\r\n{tag}\r\nCode: 395. DB::Exception: ".encode() in body
    assert body.endswith(f" {tag}\r\n__exception__\r\n".encode())
    whole = endpoint.ask(sql, wait_end_of_query=1)
    assert (whole.status_code, whole.headers["X-ClickHouse-Exception-Code"]) == (500, "395")


@pytest.mark.parametrize("compression", ["lz4", "zstd", False])
def test_the_official_client_sees_an_error_in_mid_stream(
    endpoint: Endpoint, compression: str | bool
) -> None:
    client = endpoint.connect(compress=compression)
    sql = "SELECT sleepEachRow(0.01), throwIf(number = 50) FROM numbers(200)"
    with pytest.raises(StreamFailureError, match="throwIf"):
        _ = client.query(sql, settings={"max_block_size": 1, "wait_end_of_query": 0}).result_rows
    assert client.command("SELECT 1") == 1
    client.close()


def test_a_query_is_killed_by_the_id_its_client_gave(endpoint: Endpoint) -> None:
    query_id = str(uuid.uuid4())
    answers: list[httpx.Response] = []
    sql = (
        f"SELECT count(sleepEachRow(0.1)), '{query_id}' FROM numbers(600) SETTINGS max_block_size=1"
    )
    slow = threading.Thread(target=lambda: answers.append(endpoint.ask(sql, query_id=query_id)))
    slow.start()
    wait_until(lambda: running(endpoint, query_id) == 1)
    again = endpoint.ask("SELECT 1", query_id=query_id)
    assert again.headers["X-ClickHouse-Exception-Code"] == "216"
    endpoint.text(f"KILL QUERY WHERE query_id = '{query_id}' SYNC")
    slow.join(10)
    assert answers[0].headers["X-ClickHouse-Exception-Code"] == "394"


@pytest.mark.parametrize("name", ["Native", "TSV"])
@pytest.mark.parametrize("rows", ["numbers(100000000000)", "numbers(600)"])
def test_a_query_ends_when_its_client_goes_away(endpoint: Endpoint, name: str, rows: str) -> None:
    mark = str(uuid.uuid4())
    column = "number" if len(rows) > 15 else "count(sleepEachRow(0.1))"
    sql = f"SELECT {column}, '{mark}' FROM {rows} FORMAT {name} SETTINGS max_block_size = 10"
    token = b64encode(f"default:{PASSWORD}".encode()).decode()
    with socket.create_connection(("127.0.0.1", endpoint.port)) as wire:
        head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\n"
        wire.sendall(f"{head}Content-Length: {len(sql)}\r\n\r\n{sql}".encode())
        wait_until(lambda: running(endpoint, mark) == 1)
    wait_until(lambda: running(endpoint, mark) == 0)


def test_the_health_check_answers_while_many_queries_run(endpoint: Endpoint) -> None:
    mark = str(uuid.uuid4())
    slow = [
        threading.Thread(target=endpoint.ask, args=(f"SELECT sleep(1.5), '{mark}'",))
        for _ in range(20)
    ]
    for thread in slow:
        thread.start()
    wait_until(lambda: running(endpoint, mark) >= 10)
    assert httpx.get(f"{endpoint.url}ping", trust_env=False, timeout=1).text == "Ok.\n"
    for thread in slow:
        thread.join(20)


def test_a_slow_reader_slows_the_query_and_not_the_memory(endpoint: Endpoint) -> None:
    import psutil

    process = psutil.Process(endpoint.process.pid)
    before = process.memory_info().rss
    sql = "SELECT repeat('x', 100) FROM numbers(30000000) FORMAT {}"
    for name in ("Native", "TSV"):
        with endpoint.client.stream("POST", "/", content=sql.format(name)) as response:
            next(response.iter_raw())
            time.sleep(0.5)
            assert process.memory_info().rss - before < 500_000_000


def test_a_wrong_setting_names_itself(endpoint: Endpoint) -> None:
    client = endpoint.connect()
    with pytest.raises(DatabaseError, match="nothing_here"):
        client.query("SELECT 1", settings={"nothing_here": 1})
    client.close()


def test_what_is_not_http_is_answered_and_closed(endpoint: Endpoint) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port)) as wire:
        wire.sendall(b"\x00\x01 this is the native protocol\r\n\r\n")
        assert wire.recv(1000).startswith(b"HTTP/1.1 400 ")
        assert wire.recv(1000) == b""


def test_a_client_with_a_protocol_version_is_told_every_time_zone(endpoint: Endpoint) -> None:
    client = endpoint.connect()
    assert client.protocol_version
    sql = """
        SELECT toString(number), [number, 1], map('k', number), toLowCardinality(toNullable('x')),
            tuple(1 AS a, 'b'), toNullable(number), number::Decimal(30, 2), toFixedString('ab', 2),
            toDateTime(number, 'Asia/Tokyo') AS tokyo, repeat('long', 50), toUUID({id:String}),
            [toLowCardinality('w')], toDateTime(0, 'America/New_York') AS new_york,
            now64(3, 'Asia/Tokyo')
        FROM numbers(70000) ORDER BY number
    """
    found = client.query(sql, parameters={"id": str(uuid.uuid4())})
    types = dict(zip(found.column_names, (kind.name for kind in found.column_types), strict=True))
    assert types["tokyo"] == "DateTime('Asia/Tokyo')"
    assert types["new_york"] == "DateTime('America/New_York')"
    rows = found.result_rows
    assert (len(rows), rows[-1][0]) == (70_000, "69999")
    assert rows[0][8].isoformat() == "1970-01-01T09:00:00+09:00"
    assert client.query("SHOW DATABASES LIKE 'shop'").result_rows == [("shop",)]
    client.close()


@pytest.mark.parametrize("name", ["Native", "RowBinary"])
@pytest.mark.parametrize("rows", [0, 1, 300_000, 9_000_000])
def test_a_result_that_is_waited_for_is_the_streamed_one(
    endpoint: Endpoint, name: str, rows: int
) -> None:
    sql = f"SELECT number FROM numbers({rows}) SETTINGS max_threads = 1 FORMAT {name}"
    waited = endpoint.ask(sql, wait_end_of_query=1)
    assert waited.status_code == 200
    assert waited.content == endpoint.ask(sql).content
    assert len(waited.content) >= 8 * rows
