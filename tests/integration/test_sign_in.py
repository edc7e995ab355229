"""Signing in, from registering to the last sign-out, over real PostgreSQL and Redis."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import jwt
import pytest
from argon2 import PasswordHasher
from fix_identity import PASSWORD, IdentitySite

from serving.identity import sign_in
from stores.redis_store import sessions
from stores.redis_store.client import connect as connect_redis
from stores.redis_store.keys import Database, Session, session_key


def bearer(token: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {token}"}


def slug(answer) -> str:  # type: ignore[no-untyped-def]
    """The last part of a problem's type."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).rpartition("/")[2]


def test_from_register_to_the_last_sign_out(identity: IdentitySite) -> None:
    email = f"{uuid.uuid4().hex}@Example.com"
    made = identity.post("register", email=email, password=PASSWORD, full_name="Ada Lovelace")
    assert (made.status_code, made.json()) == (202, {"status": "mail_sent"})
    early = identity.post("login", email=email, password=PASSWORD)
    assert (early.status_code, slug(early)) == (403, "address-not-verified")

    token = identity.mailed_token(email)
    assert identity.post("verify-email", token=token).status_code == 204
    again = identity.post("verify-email", token=token)
    assert (again.status_code, slug(again)) == (400, "one-time-token-refused")

    # Upper and lower case are the same address.
    found = identity.post("login", email=email.lower(), password=PASSWORD, device="phone")
    assert found.status_code == 200
    assert found.headers["cache-control"] == "no-store"
    tokens = found.json()
    scopes = "analytics:read interviews:read media:write quota:consume search:read usage:read"
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 600, scopes)

    # What the token says, checked as a stranger would, with the published keys alone.
    published = identity.client.get("/.well-known/jwks.json")
    assert published.headers["cache-control"] == "public, max-age=300"
    header = jwt.get_unverified_header(tokens["access_token"])
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(published.json()).keys}
    claims = jwt.decode(
        tokens["access_token"],
        keys[header["kid"]],
        ["EdDSA"],
        audience="interview-data-api",
        issuer="interview-data",
    )
    [[user_id, role]] = identity.sql(
        "SELECT users.id, roles.name FROM users JOIN user_roles ON user_id = users.id"
        " JOIN roles ON roles.id = role_id WHERE email = %s",
        email,
    )
    assert (claims["sub"], claims["scope"], role) == (str(user_id), scopes, "recruiter")

    identity.log_in(email, "laptop")
    listed = identity.client.get("/v1/auth/sessions", headers=bearer(tokens["access_token"]))
    assert [(s["device"], s["is_current"]) for s in listed.json()["sessions"]] == [
        ("laptop", False),
        ("phone", True),
    ]
    fresh = identity.post("refresh", refresh_token=tokens["refresh_token"]).json()
    assert fresh["access_token"] != tokens["access_token"]
    done = identity.post("logout", refresh_token=fresh["refresh_token"], all_devices=True)
    assert done.status_code == 204
    over = identity.post("refresh", refresh_token=fresh["refresh_token"])
    assert (over.status_code, slug(over)) == (401, "refresh-token-refused")


def test_sessions_are_kept_as_hashes_with_device_and_activity(
    identity: IdentitySite, redis_url: str
) -> None:
    tokens = identity.log_in(identity.make_user(), "phone")
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    with connect_redis(Database.SESSIONS, redis_url) as redis:
        key = session_key(uuid.UUID(claims["sub"]))
        [[session_id, content]] = redis.hgetall(key).items()
        assert 30 * 24 * 3600 - 60 < redis.ttl(key) <= 30 * 24 * 3600
        everything = [str(name) + str(redis.hgetall(name)) for name in redis.keys("*")]
    assert session_id == claims["sid"]
    kept: Session = json.loads(content)
    assert set(kept) == set(Session.__annotations__)
    assert kept["device_info"] == "phone"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(kept["last_activity"])).seconds < 60
    assert tokens["refresh_token"] not in "".join(everything)


def test_a_refresh_token_that_is_used_again_ends_its_session_for_both(
    identity: IdentitySite, redis_url: str
) -> None:
    email = identity.make_user()
    first, other = identity.log_in(email, "stolen"), identity.log_in(email, "other")
    second = identity.post("refresh", refresh_token=first["refresh_token"]).json()
    raced = identity.post("refresh", refresh_token=first["refresh_token"])
    assert (raced.status_code, slug(raced)) == (409, "refresh-token-raced")
    third = identity.post("refresh", refresh_token=second["refresh_token"]).json()
    # No race explains the one before the one before.
    reused = identity.post("refresh", refresh_token=first["refresh_token"])
    assert (reused.status_code, slug(reused)) == (401, "refresh-token-reused")
    ended = identity.post("refresh", refresh_token=third["refresh_token"])
    assert (ended.status_code, slug(ended)) == (401, "refresh-token-refused")
    # The user's other device goes on.
    assert identity.post("refresh", refresh_token=other["refresh_token"]).status_code == 200


def test_the_former_token_ends_the_session_once_the_moment_of_grace_is_over(
    identity: IdentitySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = identity.log_in(identity.make_user())
    second = identity.post("refresh", refresh_token=tokens["refresh_token"]).json()
    monkeypatch.setattr(sessions, "GRACE_SECONDS", -1)
    reused = identity.post("refresh", refresh_token=tokens["refresh_token"])
    assert slug(reused) == "refresh-token-reused"
    assert identity.post("refresh", refresh_token=second["refresh_token"]).status_code == 401


def test_of_racing_refreshes_exactly_one_wins(identity: IdentitySite) -> None:
    tokens = identity.log_in(identity.make_user())
    for _ in range(3):
        given = [tokens["refresh_token"]] * 8
        with ThreadPoolExecutor(8) as pool:
            answers = list(
                pool.map(lambda text: identity.post("refresh", refresh_token=text), given)
            )
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
        [tokens] = [answer.json() for answer in answers if answer.status_code == 200]


def test_a_taken_address_is_answered_the_same_and_its_owner_is_told(
    identity: IdentitySite,
) -> None:
    email = identity.make_user()
    [before] = identity.sql("SELECT password_hash, full_name FROM users WHERE email = %s", email)
    other = {"email": email.upper(), "password": "another good password", "full_name": "Mallory"}
    taken = identity.post("register", **other)
    free = identity.post("register", **other | {"email": f"{uuid.uuid4().hex}@example.com"})
    assert (taken.status_code, taken.content) == (free.status_code, free.content)
    assert identity.mails(email)[-1].kind == "already_registered"
    assert identity.mails(email)[-1].token is None
    after = identity.sql("SELECT password_hash, full_name FROM users WHERE email = %s", email)
    assert after == [before]


def test_who_registers_an_unverified_address_again_voids_the_former_mail(
    identity: IdentitySite,
) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    identity.post("register", email=email, password="the first one's password")
    first = identity.mailed_token(email)
    identity.post("register", email=email, password=PASSWORD)
    assert identity.post("verify-email", token=first).status_code == 400
    assert identity.post("verify-email", token=identity.mailed_token(email)).status_code == 204
    identity.log_in(email)


def test_a_forgotten_password_is_replaced_and_ends_every_session(identity: IdentitySite) -> None:
    email = identity.make_user()
    tokens = identity.log_in(email)
    unknown = identity.post("password-reset", email=f"{uuid.uuid4().hex}@example.com")
    known = identity.post("password-reset", email=email)
    assert (known.status_code, known.content) == (202, unknown.content)
    older = identity.mailed_token(email)
    identity.post("password-reset", email=email)
    token, new = identity.mailed_token(email), "a password nobody knew"
    # A password that is refused does not use the token up.
    weak = identity.post("password-reset/confirm", token=token, password="password12345")
    assert (weak.status_code, weak.json()["invalid_parameters"][0]["field"]) == (422, "password")
    # The purpose of a token is part of it.
    assert identity.post("verify-email", token=token).status_code == 400

    def confirm(text: str) -> int:
        return int(identity.post("password-reset/confirm", token=text, password=new).status_code)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(confirm, [token] * 4)) == [204, 400, 400, 400]
    # One that was mailed before the password changed is good for nothing.
    assert confirm(older) == 400
    assert identity.mails(email)[-1].kind == "password_changed"
    assert identity.post("refresh", refresh_token=tokens["refresh_token"]).status_code == 401
    assert identity.post("login", email=email, password=PASSWORD).status_code == 401
    assert identity.post("login", email=email, password=new).status_code == 200


def test_guessing_is_slowed_down_by_account_and_by_address(
    identity: IdentitySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, other = identity.make_user(), identity.make_user()
    answers = [identity.post("login", email=email, password="x" * 12) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert slug(answers[-1]) == "too-many-attempts"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900
    # The right password does not help either, nor does another spelling; others sign in.
    right = identity.post("login", email=email.upper(), password=PASSWORD)
    assert right.status_code == 429
    identity.log_in(other)
    # Somebody who tries many accounts from one place is stopped too.
    monkeypatch.setattr(sign_in, "ATTEMPTS_BY_ADDRESS", 11)
    nobody = f"{uuid.uuid4().hex}@example.com"
    assert identity.post("login", email=nobody, password=PASSWORD).status_code == 429


def test_a_mailbox_is_not_filled(identity: IdentitySite) -> None:
    email = identity.make_user()
    before = len(identity.mails(email))
    answers = {identity.post("password-reset", email=email).status_code for _ in range(8)}
    # Of the five within a quarter of an hour one was for registering.
    assert (answers, len(identity.mails(email)) - before) == ({202}, 4)


def test_who_is_suspended_signs_in_no_more(identity: IdentitySite) -> None:
    email = identity.make_user()
    tokens = identity.log_in(email)
    identity.sql("UPDATE users SET status = 'suspended' WHERE email = %s", email)
    # Who does not know the password does not learn of it.
    assert slug(identity.post("login", email=email, password="x" * 12)) == "wrong-credentials"
    assert slug(identity.post("login", email=email, password=PASSWORD)) == "account-not-active"
    over = identity.post("refresh", refresh_token=tokens["refresh_token"])
    assert (over.status_code, slug(over)) == (401, "refresh-token-refused")
    identity.sql("UPDATE users SET status = 'active' WHERE email = %s", email)
    # Its sessions were ended, not put aside.
    assert identity.post("refresh", refresh_token=tokens["refresh_token"]).status_code == 401


def test_devices_are_signed_out_one_by_one_or_all(identity: IdentitySite) -> None:
    email, stranger = identity.make_user(), identity.log_in(identity.make_user())
    phone, laptop, tablet = (identity.log_in(email, name) for name in ("p", "l", "t"))
    headers = bearer(phone["access_token"])
    listed = identity.client.get("/v1/auth/sessions", headers=headers).json()["sessions"]
    of_laptop = next(s["session_id"] for s in listed if s["device"] == "l")
    path = f"/v1/auth/sessions/{of_laptop}"
    # A stranger's session is not there.
    theirs = identity.client.delete(path, headers=bearer(stranger["access_token"]))
    assert theirs.status_code == 404
    assert identity.client.delete(path, headers=headers).status_code == 204
    assert identity.client.delete(path, headers=headers).status_code == 404
    works = [
        identity.post("refresh", refresh_token=each["refresh_token"]) for each in (laptop, tablet)
    ]
    assert [answer.status_code for answer in works] == [401, 200]
    assert identity.client.delete("/v1/auth/sessions", headers=headers).status_code == 204
    listed = identity.client.get("/v1/auth/sessions", headers=headers).json()
    assert listed == {"sessions": []}


def test_the_oldest_of_too_many_devices_is_signed_out(
    identity: IdentitySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "DEVICE_COUNT_LIMIT", 2)
    email = identity.make_user()
    all_three = [identity.log_in(email, str(number)) for number in range(3)]
    works = [identity.post("refresh", refresh_token=each["refresh_token"]) for each in all_three]
    assert [answer.status_code for answer in works] == [401, 200, 200]


def test_a_password_hashed_at_another_cost_is_hashed_anew(identity: IdentitySite) -> None:
    email = identity.make_user()
    cheap = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    identity.sql("UPDATE users SET password_hash = %s WHERE email = %s", cheap, email)
    identity.log_in(email)
    [[kept]] = identity.sql("SELECT password_hash FROM users WHERE email = %s", email)
    assert kept.startswith("$argon2id$v=19$m=47104,t=1,p=1$")


def test_what_roles_allow_is_what_their_permissions_say(identity: IdentitySite) -> None:
    email = identity.make_user()
    roles = {
        "odd": {"interviews": ["write"], "scopes": "admin", "unknown": "write"},
        "named": {"scopes": ["usage:read", "events:write", "everything", 7]},
        "no object": ["admin"],
    }
    for name, permissions in roles.items():
        identity.sql(
            "INSERT INTO roles (name, permissions) VALUES (%s, %s)", name, json.dumps(permissions)
        )
        identity.sql(
            "INSERT INTO user_roles (user_id, role_id) SELECT u.id, r.id FROM users u, roles r"
            " WHERE u.email = %s AND r.name = %s",
            email,
            name,
        )
    identity.sql(
        "DELETE FROM user_roles USING roles WHERE role_id = roles.id AND roles.name = 'recruiter'"
        " AND user_id = (SELECT id FROM users WHERE email = %s)",
        email,
    )
    # Whatever a role says, a user writes no events of others.
    assert identity.log_in(email)["scope"] == "usage:read"
