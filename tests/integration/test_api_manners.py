"""How the API behaves towards every client: forms, limits, refusals, metrics, logs and leaving."""

import contextlib
import gzip
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import zstandard
from fix_api import serving
from fix_interviews import Interviewing, build_operational_models
from fix_stack import wait_until

from serving.app import create_app
from serving.compression import chosen_encoding
from stores.settings import REPOSITORY


def test_lists_come_in_parts_that_hold_still_and_cursors_are_bound(
    reads: httpx.Client, interviewing: Interviewing
) -> None:
    path = f"/v1/users/{interviewing.user_id}/interviews"
    assert reads.get(path).json()["type"] == "/problems/not-built-yet"
    build_operational_models(interviewing)
    made = [interviewing.make(f"Number {n}") for n in range(5)]
    interviewing.make("Draft", status="draft")
    first = reads.get(path, params={"limit": 2, "status": "active"}).json()
    assert [each["title"] for each in first["interviews"]] == ["Number 4", "Number 3"]
    assert first["interviews"][0]["question_count"] == 2
    interviewing.make("Late")
    cursor = first["next_cursor"]
    second = reads.get(path, params={"limit": 2, "status": "active", "cursor": cursor}).json()
    third = reads.get(
        path, params={"limit": 2, "status": "active", "cursor": second["next_cursor"]}
    ).json()
    seen = [each["interview_id"] for part in (first, second, third) for each in part["interviews"]]
    assert seen == [str(each) for each in reversed(made)]
    assert third["next_cursor"] is None
    for bad in (
        {"cursor": cursor},
        {"cursor": cursor + "x", "status": "active"},
        {"cursor": "AAAA", "status": "active"},
        {"cursor": "%00é", "status": "active"},
    ):
        refused = reads.get(path, params=bad)
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-cursor")
    early = reads.get(path, params={"created_at.lt": "2000-01-01T00:00:00Z"}).json()
    assert early == {"interviews": [], "next_cursor": None}
    for unknown in (
        "stauts=active",
        "status.gte=a",
        "created_at.gte=2026-01-01T00:00:00",
        "limit=0",
    ):
        refused = reads.get(f"{path}?{unknown}")
        assert refused.status_code == 422, unknown
    assert "did you mean status?" in reads.get(f"{path}?stauts=active").json()["detail"]
    assert reads.get(f"/v1/users/{uuid4()}/interviews").status_code == 404
    backlog = reads.get("/v1/media/backlog", params={"is_failed": "true"})
    assert backlog.json() == {"files": [], "next_cursor": None}


def test_a_sessions_timeline_tells_what_happened_and_not_to_whom(
    reads: httpx.Client, interviewing: Interviewing
) -> None:
    interview = interviewing.make()
    [(session,)] = interviewing.execute(
        "INSERT INTO candidate_sessions (interview_id, candidate_email, candidate_name, started_at)"
        " VALUES (%s, 'c@example.com', 'Carla', '2026-11-20 10:00Z') RETURNING id",
        interview,
    )
    interviewing.execute(
        "INSERT INTO candidate_responses (session_id, question_id, duration_seconds, recorded_at)"
        " SELECT %s, id, 60, '2026-11-20 10:05Z' FROM questions WHERE interview_id = %s",
        session,
        interview,
    )
    [(file,)] = interviewing.execute(
        "INSERT INTO media_files (interview_id, session_id, original_filename, content_type,"
        " file_size_bytes, original_path, created_at) VALUES (%s, %s, 'carla.webm', 'video/webm',"
        " 10, 'p', '2026-11-20 10:06Z') RETURNING id",
        interview,
        session,
    )
    interviewing.execute(
        "INSERT INTO processing_jobs (media_file_id, job_type, status, started_at, completed_at)"
        " VALUES (%s, 'transcription', 'failed', '2026-11-20 10:07Z', '2026-11-20 10:08Z')",
        file,
    )
    interviewing.execute(
        "INSERT INTO analysis_results (interview_id, session_id, processing_cost_usd, created_at)"
        " VALUES (%s, %s, 0.1000, '2026-11-20 10:09Z')",
        interview,
        session,
    )
    path = f"/v1/candidate-sessions/{session}/timeline"
    entries, cursor = [], None
    while True:
        part = reads.get(path, params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        entries += part["entries"]
        cursor = part["next_cursor"]
        if cursor is None:
            break
    assert [each["kind"] for each in entries] == [
        "session_started",
        *["response_recorded"] * 2,
        "media_uploaded",
        "job_started",
        "job_failed",
        "analysis_completed",
    ]
    assert entries[-1]["details"]["processing_cost_usd"] == "0.1000"
    assert entries[0]["at"] == "2026-11-20T10:00:00.000Z"
    whole = reads.get(path).text
    assert "arla" not in whole
    assert "example.com" not in whole
    stranger = interviewing.make_user("stranger@example.com")
    theirs = interviewing.key("theirs", ["interviews:read"], stranger)
    assert reads.get(path, headers=theirs).status_code == 404


def test_answers_are_compressed_as_asked_and_carry_what_protects_their_reader(
    reads: httpx.Client, interviewing: Interviewing
) -> None:
    interview = interviewing.make("long " * 50)
    interviewing.execute("UPDATE interviews SET description = repeat('word ', 500)")
    connection = http.client.HTTPConnection(reads.base_url.host, reads.base_url.port)
    bodies = {}
    for accepted in ("identity", "gzip", "gzip;q=0.5, zstd", "br"):
        headers = dict(reads.headers) | {"accept-encoding": accepted}
        connection.request("GET", f"/v1/interviews/{interview}", headers=headers)
        answer = connection.getresponse()
        bodies[accepted] = (answer.headers["content-encoding"], answer.read(), answer.headers)
    plain = bodies["identity"][1]
    assert bodies["br"][:2] == (None, plain)
    assert bodies["gzip"][0] == "gzip"
    assert gzip.decompress(bodies["gzip"][1]) == plain
    name, body, headers_seen = bodies["gzip;q=0.5, zstd"]
    assert name == "zstd"
    assert zstandard.ZstdDecompressor().decompress(body, 1 << 20) == plain
    assert len(body) < len(plain) / 3
    assert headers_seen["vary"] == "Accept-Encoding"
    assert headers_seen["etag"] == bodies["identity"][2]["etag"]
    assert headers_seen["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers_seen["content-security-policy"]
    # No site may call it, unless a setting names it.
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in reads.get("/healthz", headers=asked).headers
    assert reads.options("/v1/schemas", headers=asked).status_code == 405
    assert chosen_encoding("*") == "zstd"
    assert chosen_encoding("gzip;q=0, zstd;q=0, *;q=1") is None
    assert chosen_encoding("gzip;q=x") is None


def test_a_site_that_is_allowed_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi.testclient import TestClient

    monkeypatch.setenv("API_ALLOWED_ORIGINS", "https://a.example, https://b.example")
    client = TestClient(create_app())
    asked = {"Origin": "https://b.example", "Access-Control-Request-Method": "GET"}
    answer = client.options("/v1/schemas", headers=asked)
    assert answer.headers["access-control-allow-origin"] == "https://b.example"
    other = client.get("/healthz", headers={"Origin": "https://c.example"})
    assert "access-control-allow-origin" not in other.headers


def test_too_large_too_slow_and_too_many_are_refused(
    interviewing: Interviewing,
    redis_url: str,
    event_bus_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_BODY_SECONDS", "3")
    monkeypatch.setenv("API_ANSWER_SECONDS", "8")
    monkeypatch.setenv("API_CONCURRENT_REQUESTS", "3")
    app = create_app()
    held = threading.Event()

    @app.get("/slow")
    async def slow() -> str:
        import asyncio

        while not held.is_set():  # noqa: ASYNC110  set by another thread
            await asyncio.sleep(0.01)
        return "done"

    headers = interviewing.key("writer", ["aggregates:write"])
    path = f"/v1/aggregates/interview/{uuid4()}/events"
    json_type, unreadable = {"Content-Type": "application/json"}, "/problems/unreadable-request"
    with serving(app) as url, httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        large = client.post(path, content=b"x" * (11 << 20))
        assert (large.status_code, large.json()["type"]) == (413, "/problems/too-large")
        parts = client.post(path, content=(b"x" * (1 << 20) for _ in range(11)))
        assert parts.status_code == 413
        assert client.post(path, content=b"{", headers=json_type).json()["type"] == unreadable

        def slowly() -> Iterator[bytes]:
            yield b"{"
            time.sleep(4)  # longer than a body may take
            yield b"}"

        assert client.post(path, content=slowly()).status_code == 408
        found: list[httpx.Response] = []
        many = [
            threading.Thread(target=lambda: found.append(httpx.get(f"{url}/slow", timeout=30)))
            for _ in range(5)
        ]
        for each in many:
            each.start()
        wait_until(lambda: len(found) == 2, 10, "two are turned away")
        assert {each.json()["type"] for each in found} == {"/problems/overloaded"}
        assert client.get("/healthz").status_code == 200
        held.set()
        for each in many:
            each.join()
        assert sorted(each.status_code for each in found) == [200, 200, 200, 503, 503]
        held.clear()
        late = client.get("/slow")
        assert (late.status_code, late.json()["type"]) == (504, "/problems/took-too-long")


class _Collector(http.server.BaseHTTPRequestHandler):
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_trace_goes_on_from_the_caller_to_clickhouse(
    interviewing: Interviewing,
    clickhouse_url: str,
    redis_url: str,
    event_bus_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ingestion.events.writer import drain
    from stores.clickhouse.client import connect

    bodies: list[bytes] = []
    handler = type("Handler", (_Collector,), {"bodies": bodies})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{collector.server_address[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        headers = interviewing.key("traced", ["usage:read", "events:write"])
        trace = uuid4().hex
        headers["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
        with serving(create_app()) as url:
            answer = httpx.get(f"{url}/v1/usage/{uuid4()}", headers=headers, timeout=60)
            assert answer.status_code in (404, 503)
            event = {
                "event_id": str(uuid4()),
                "user_id": str(uuid4()),
                "event_type": "page_view",
                "session_id": str(uuid4()),
                "timestamp": datetime.now(UTC).isoformat(),
            }
            taken = httpx.post(f"{url}/v1/events", headers=headers, json=[event], timeout=60)
            assert taken.status_code == 202, taken.text
        # The last ones are sent as the API ends.
        sent = b"".join(bodies)
        collector.shutdown()
    assert bytes.fromhex(trace) in sent
    assert b"GET /v1/usage/{user_id}" in sent
    drain()
    client = connect(clickhouse_url)
    client.command("SYSTEM FLUSH LOGS")
    noted = client.query(
        "SELECT DISTINCT query_kind FROM system.query_log"
        " WHERE position(log_comment, {trace:String}) > 0",
        parameters={"trace": trace},
    ).result_rows
    assert {kind for (kind,) in noted} == {"Select", "Insert"}


@pytest.mark.timeout(240)
def test_several_workers_serve_the_same_and_leave_without_losing_a_request(
    interviewing: Interviewing,
    redis_url: str,
    event_bus_url: str,
    tmp_path: Path,
) -> None:
    headers = interviewing.key("several", ["interviews:read", "analytics:read", "aggregates:write"])
    interview = interviewing.make()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "--factory", "serving.app:create_app"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--no-access-log"),
        ],
        env={
            **os.environ,
            "API_LOG_FORMAT": "json",
            "API_DRAIN_SECONDS": "3",
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        },
        cwd=REPOSITORY,
        stderr=log,
        stdout=log,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(url), 110, "the workers start")
        count = 60
        for number in range(count):
            # A connection each, so that both workers get some.
            answer = httpx.get(f"{url}/v1/interviews/{interview}?", headers=headers, timeout=60)
            assert answer.status_code == 200, number
        text = httpx.get(f"{url}/metrics", headers=headers, timeout=60).text
        counted = 'api_request_seconds_count{method="GET",route="/v1/interviews/{interview_id}"'
        [line] = [each for each in text.splitlines() if each.startswith(counted)]
        assert float(line.rsplit(" ", 1)[1]) == count
        assert str(interview) not in text

        slow = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        body = b'{"expected_version": 0, "events": []}'
        slow.putrequest("POST", f"/v1/aggregates/interview/{uuid4()}/events")
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            slow.putheader(name, value)
        slow.endheaders(body[:5])
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{url}/readyz").json()["status"] == "draining", 10)
        still = httpx.get(f"{url}/v1/interviews/{interview}", headers=headers)
        assert (still.status_code, still.headers["connection"]) == (200, "close")
        wait_until(lambda: not _answers(url), 10, "nobody listens any more")
        slow.send(body[5:])
        assert slow.getresponse().status == 422
        slow.close()
        assert process.wait(30) in (0, -signal.SIGTERM)
    finally:
        # Its workers too, which outlive it where it is killed.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        log.close()
    # What uvicorn says before and between its workers is in its own form.
    written = (tmp_path / "log").read_text().splitlines()
    lines = [json.loads(each) for each in written if each.startswith("{")]
    served = [each for each in lines if each.get("route") == "/v1/interviews/{interview_id}"]
    assert len(served) == count + 1
    assert all(each["request_id"] and each["status"] == 200 for each in served)
    everything = (tmp_path / "log").read_text()
    for private in (str(interview), headers["Authorization"][7:], "example.com", "127.0.0.1:"):
        assert private not in everything.replace(url, "")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
