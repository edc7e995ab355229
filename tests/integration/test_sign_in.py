"""Signing in, from registering to the last sign-out, over real PostgreSQL and Redis."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import jwt
from fix_identity import PASSWORD, IdentitySite

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
    identity: IdentitySite, monkeypatch
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
