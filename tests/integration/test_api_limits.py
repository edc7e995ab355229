"""Who sends too much, too slowly or too large: refused, told how to go on, and cut off."""

import json
import re
import socket
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from fix_stack import wait_until

from stores.postgres import api_keys
from stores.postgres.client import connect


def event() -> dict[str, Any]:
    """A good one."""
    return {
        "event_id": str(uuid.uuid4()),
        "user_id": str(uuid.uuid4()),
        "event_type": "page_view",
        "timestamp": datetime.now(UTC).isoformat(),
    }


def make_key(url: str, name: str, **limits: int) -> dict[str, str]:
    """The headers of a new key with limits of its own."""
    with connect(url) as connection:
        key = api_keys.create(connection, name, limits=api_keys.Limits(**limits))
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def post(url: str, headers: dict[str, str], count: int = 1) -> urllib3.BaseHTTPResponse:
    """So many events in one request."""
    body = json.dumps([event() for _ in range(count)])
    return urllib3.request("POST", f"{url}/v1/events", body=body, headers=headers, retries=False)


def test_a_key_that_has_sent_its_share_waits_and_others_do_not(
    api_url: str, postgres_url: str
) -> None:
    few = make_key(postgres_url, "few", requests_per_minute=3)
    answers = [post(api_url, few) for _ in range(4)]
    assert [answer.status for answer in answers] == [202, 202, 202, 429]
    assert answers[0].headers["RateLimit-Policy"].startswith('"requests";q=3;w=60, "events";q=')
    left = [re.match(r'"requests";r=(\d+);t=\d+', a.headers["RateLimit"]) for a in answers]
    assert [int(found[1]) if found else None for found in left] == [2, 1, 0, 0]
    refused = answers[3]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    # The next one is turned away before its body is read; other keys are none the wiser.
    assert post(api_url, few).status == 429
    assert post(api_url, make_key(postgres_url, "other")).status == 202
    status = f"{api_url}/v1/events/{uuid.uuid4()}/status"
    assert urllib3.request("GET", status, headers=few, retries=False).status == 429


def test_events_are_counted_too_and_a_refused_batch_costs_nothing(
    api_url: str, postgres_url: str
) -> None:
    key = make_key(postgres_url, "events", events_per_minute=10_000)
    assert post(api_url, key, 6000).status == 202
    assert post(api_url, key, 6000).status == 429
    answer = post(api_url, key, 4000)
    assert answer.status == 202
    assert '"events";r=0;' in answer.headers["RateLimit"]


@pytest.fixture
def slow_api_url(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """An API that waits for a body for a second."""
    monkeypatch.setenv("API_BODY_SECONDS", "1")
    return str(request.getfixturevalue("api_url"))


def test_a_body_that_trickles_in_is_cut_off(slow_api_url: str, postgres_url: str) -> None:
    headers = make_key(postgres_url, "slow")
    address = urlsplit(slow_api_url)
    with socket.create_connection((str(address.hostname), address.port), 20) as connection:
        head = f"POST /v1/events HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 1000\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"{head}\r\n[".encode())
        connection.setblocking(False)
        answer = b""
        started = time.monotonic()

        def is_cut_off() -> bool:
            nonlocal answer
            try:
                part = connection.recv(65_536)
            except BlockingIOError:
                connection.send(b" ")
                return False
            except OSError:
                return bool(answer)
            answer += part
            return not part

        wait_until(is_cut_off, 10, "the connection is closed")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer
    assert time.monotonic() - started < 8
