"""Thresholds become domain events and signed webhooks: told once, tried again, replayed."""

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from fix_quota import QuotaApi, new_customer
from fix_stack import RunningStack, interview_data

from serving.webhooks import sender
from serving.webhooks.targets import parse, resolve
from stores.errors import InputInvalid
from stores.postgres.client import connect
from stores.settings import Settings, load_settings

EVENT = "quota.threshold_reached"


@dataclass
class Receiver:
    """A customer's server: answers as it is told to, and keeps what came."""

    port: int
    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hooks?a=1"

    def thresholds(self) -> list[int]:
        """What it was told, in order."""
        return [json.loads(body)["data"]["threshold_percent"] for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Listening."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(made.status)
            self.send_header("Location", made.url)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def private_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver is on this machine."""
    monkeypatch.setenv("WEBHOOK_PRIVATE_TARGETS", "true")
    monkeypatch.setenv("WEBHOOK_ATTEMPTS", "3")


def drain() -> int:
    """Send what is due."""
    return sender.drain(load_settings())


def make_endpoint(api: QuotaApi, url: str, user: UUID | None = None, **more: Any) -> dict[str, Any]:
    """A new one, with its secret."""
    body = {"url": url, **({"user_id": str(user)} if user else {}), **more}
    status, made, _ = api.ask("POST", "/v1/webhooks", body)
    assert status == 201, made
    return dict(made)


def hurry(database_url: str) -> None:
    """Let what waits for another try be due."""
    with connect(database_url) as connection:
        connection.execute("UPDATE platform.webhook_deliveries SET next_attempt_at = now()")


def test_each_threshold_is_told_once_signed_and_kept_as_a_domain_event(
    private_targets: None, quota_api: QuotaApi, postgres_url: str, receiver: Receiver
) -> None:
    user, other = (new_customer(postgres_url, {"interviews": 10}) for _ in range(2))
    made = make_endpoint(quota_api, receiver.url, user)
    for amount in (4, 1, 1, 1):
        assert quota_api.consume(user, amount)[0] == 201
    assert quota_api.consume(other, 10)[0] == 201
    drain()
    assert receiver.thresholds() == [50]
    _, held = quota_api.reserve(user, 3)
    drain()
    assert receiver.thresholds() == [50]
    assert quota_api.end(held["id"], "commit")[0] == 200
    drain()
    assert sorted(receiver.thresholds()) == [50, 80, 100]
    headers, body = receiver.got[0]
    assert json.loads(body)["data"] | {"reached_at": ""} == {
        "user_id": str(user),
        "resource": "interviews",
        "month": quota_api.ask("GET", f"/v1/entitlements/{user}")[1]["month"],
        "threshold_percent": 50,
        "used_count": 5,
        "limit_count": 10,
        "plan_name": "pro",
        "reached_at": "",
    }
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
    digest = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    with connect(postgres_url) as connection:
        events = connection.execute(
            "SELECT event_data->>'user_id', event_data->>'threshold_percent' FROM event_store"
            " WHERE event_type = %s ORDER BY 1, 2",
            [EVENT],
        ).fetchall()
    expected = [(str(who), percent) for who in (user, other) for percent in ("100", "50", "80")]
    assert sorted(events) == sorted(expected)


def test_what_fails_is_tried_again_then_given_up_and_told_anew_when_asked(
    private_targets: None,
    quota_api: QuotaApi,
    postgres_url: str,
    receiver: Receiver,
    stack: RunningStack,
) -> None:
    user = new_customer(postgres_url, {"interviews": 2})
    endpoint = make_endpoint(quota_api, receiver.url, user)
    path = f"/v1/webhooks/{endpoint['id']}"
    receiver.status = 503
    quota_api.consume(user, 1)
    assert drain() == 1
    # It waits, and then is tried until there are no tries left. A redirect is not followed.
    assert drain() == 0
    receiver.status = 307
    for _ in range(2):
        hurry(postgres_url)
        assert drain() == 1
    hurry(postgres_url)
    assert drain() == 0
    _, found, _ = quota_api.ask("GET", f"{path}/deliveries?state=dead")
    [dead] = found["deliveries"]
    assert (dead["attempt_count"], dead["last_status_code"]) == (3, 307)
    _, history, _ = quota_api.ask("GET", f"{path}/deliveries/{dead['id']}")
    assert [each["status_code"] for each in history["attempts"]] == [503, 307, 307]

    receiver.status = 200
    again = {"Idempotency-Key": "again"}
    for _ in range(2):
        status, answer, _ = quota_api.ask(
            "POST", f"{path}/deliveries/{dead['id']}/replay", None, again
        )
        assert (status, answer["replayed_count"]) == (202, 1)
    assert drain() == 1
    assert quota_api.ask("GET", f"{path}/deliveries?state=delivered")[1]["deliveries"]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1

    receiver.status = 410
    quota_api.consume(user, 1)
    drain()
    assert not quota_api.ask("GET", path)[1]["is_active"]
    settings = {"DATABASE_URL": postgres_url, "WEBHOOK_PRIVATE_TARGETS": "true"}
    receiver.status = 200
    assert quota_api.ask("PATCH", path, {"is_active": True})[1]["is_active"]

    def command(*arguments: str) -> str:
        done = interview_data("webhooks", *arguments, home=stack.home, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(command("list", "--json"))[0]["url"] == receiver.url
    dead_ones = json.loads(command("deliveries", "--state", "dead", "--json"))
    assert len(dead_ones) == 2  # 80 and 100 %
    assert command("replay", "--dead").startswith("2 ")
    assert command("deliver").startswith("2 ")


def test_endpoints_are_a_tenants_own_and_lead_nowhere_inside(
    quota_api: QuotaApi, postgres_url: str
) -> None:
    mine, other = (new_customer(postgres_url, {}) for _ in range(2))
    tenant, stranger = quota_api.as_tenant(mine), quota_api.as_tenant(other)
    made = make_endpoint(tenant, "https://hooks.example.com/a")
    assert (made["user_id"], made["event_types"]) == (str(mine), [EVENT])
    path = f"/v1/webhooks/{made['id']}"
    assert "secret" not in tenant.ask("GET", path)[1]
    for method, where, body in (
        ("GET", path, None),
        ("PATCH", path, {"url": "https://evil.example.com"}),
        ("DELETE", path, None),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/replay", None),
        ("POST", "/v1/webhooks", {"url": "https://a.example.com", "user_id": str(mine)}),
        ("GET", f"/v1/webhooks/{uuid.uuid4()}", None),
    ):
        assert stranger.ask(method, where, body)[0] == 404, where
    assert stranger.ask("GET", "/v1/webhooks")[1]["endpoints"] == []
    for url in (
        "http://hooks.example.com",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://a.localhost/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://10.1.2.3:9000/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com/\r\nX: y",
        "https:///",
        "ftp://hooks.example.com/",
        "javascript:alert(1)",
        "x" * 3000,
        "",
    ):
        for method, where in (("POST", "/v1/webhooks"), ("PATCH", path)):
            status, problem, _ = tenant.ask(method, where, {"url": url})
            assert (status, problem["invalid_parameters"][0]["field"]) == (422, "url"), url
    for body in ({"event_types": []}, {"event_types": ["x"]}, {"more": 1}, {"description": "\0"}):
        assert tenant.ask("PATCH", path, body)[0] == 422
    assert tenant.ask("GET", path)[1]["url"] == "https://hooks.example.com/a"
    assert tenant.ask("DELETE", path)[0] == 204
    assert tenant.ask("GET", path)[0] == 404


def test_a_name_that_leads_inside_is_not_connected_to(
    postgres_url: str, quota_api: QuotaApi, receiver: Receiver, settings: Settings
) -> None:
    with pytest.raises(InputInvalid):
        resolve(parse("https://localhost:1/", is_private_allowed=True), is_private_allowed=False)
    user = new_customer(postgres_url, {"interviews": 2})
    made = make_endpoint(quota_api, "https://hooks.example.com/", user)
    with connect(postgres_url) as connection:
        # As a name does that is changed after it was checked.
        connection.execute(
            "UPDATE platform.webhook_endpoints SET url = %s",
            [receiver.url.replace("http", "https")],
        )
    quota_api.consume(user, 1)
    drain()
    _, found, _ = quota_api.ask("GET", f"/v1/webhooks/{made['id']}/deliveries")
    assert "public address" in found["deliveries"][0]["last_problem"]
    assert receiver.got == []


def test_tries_wait_longer_and_longer_and_not_all_alike() -> None:
    waits = [sender.wait_seconds(number, 0.5) for number in range(1, 10)]
    assert waits == sorted(waits)
    assert waits[0] == 5
    assert sender.wait_seconds(1, 0) < 5 < sender.wait_seconds(1, 1) < 7
