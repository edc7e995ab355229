"""Posting survives a busy API, and says plainly what it refuses."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ingestion.loaders import api
from ingestion.loaders.api import Api, Outgoing, batches
from ingestion.loaders.report import LoadReport
from stores.errors import InputInvalid, SettingInvalid, StoreUnavailable


@dataclass
class Service:
    """An API that gives `answers` in turn, and keeps what it was sent."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            told.bodies.append(json.loads(self.rfile.read(length)))
            told.keys.append(self.headers["Authorization"])
            status, headers, answer = told.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            """Tests need no log of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield told
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


BATCH = [Outgoing(f"line {number}", str(number), {"n": number}) for number in (1, 2, 3)]


def receipt(accepted: int, *rejected: dict[str, Any]) -> dict[str, Any]:
    return {"accepted_count": accepted, "duplicate_count": 0, "receipts": list(rejected)}


def test_a_busy_api_gets_the_same_batch_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(api.time, "sleep", waited.append)
    service.answers = [(503, {"Retry-After": "3"}, {}), (503, {}, {}), (202, {}, receipt(3))]
    report = LoadReport("test", "test")
    accepted = Api(service.url, "key").post("/v1/events", BATCH, report)
    assert accepted == ["1", "2", "3"]
    assert service.bodies == [[{"n": 1}, {"n": 2}, {"n": 3}]] * 3
    assert service.keys == ["Bearer key"] * 3
    assert waited[0] == 3
    assert (report.posted["/v1/events"].sent, report.posted["/v1/events"].accepted) == (3, 3)


def test_an_api_that_stays_busy_is_given_up_with_advice(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "GIVE_UP_AFTER_SECONDS", 0.0)
    service.answers = [(503, {"Retry-After": "1"}, {})]
    with pytest.raises(StoreUnavailable, match=r"API_URL.*Run the same load again"):
        Api(service.url, "key").post("/v1/events", BATCH, LoadReport("test", "test"))


def test_rejected_events_are_reported_with_their_place_in_the_input(service: Service) -> None:
    rules = [
        {"field": "user_id", "rule": "format", "reason": "must be a UUID"},
        {"field": "timestamp", "rule": "format", "reason": "must be a time"},
    ]
    refused = {"index": 1, "status": "rejected", "problem": {"invalid_parameters": rules}}
    repeated = {"index": 2, "status": "duplicate"}
    service.answers = [(202, {}, receipt(2, refused, repeated))]
    report = LoadReport("test", "test")
    accepted = Api(service.url, "key").post("/v1/events", BATCH, report)
    assert accepted == ["1", "3"]
    assert report.posted["/v1/events"].rejected == 1
    assert [(each.where, each.reason) for each in report.skipped] == [
        ("line 2", "rejected: user_id: must be a UUID"),
        ("line 2", "rejected: timestamp: must be a time"),
    ]


def test_a_wrong_key_is_named_but_not_shown(service: Service) -> None:
    service.answers = [(401, {}, {"detail": "no"})]
    with pytest.raises(SettingInvalid, match="API_KEY") as caught:
        Api(service.url, "secret").post("/v1/events", BATCH, LoadReport("test", "test"))
    assert "secret" not in str(caught.value)


def test_another_refusal_says_what_the_api_said(service: Service) -> None:
    service.answers = [(413, {}, {"detail": "too large"})]
    with pytest.raises(InputInvalid, match="413: too large"):
        Api(service.url, "key").post("/v1/events", BATCH, LoadReport("test", "test"))


def test_nobody_at_the_address_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(StoreUnavailable, match="API_URL"):
        Api("http://127.0.0.1:9", "key").check()


def test_events_are_posted_in_full_batches_and_a_rest() -> None:
    assert [len(batch) for batch in batches(iter(BATCH), 2)] == [2, 1]
