"""Every route with every kind of credential. A route that is not in the table fails the test.

To add a route, add a line to ROUTES: who may call it, and where the tenant is whose object it is
about. `{path parameters}` are filled by PATH, a body by `body`; TENANT stands for the tenant's id.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fix_identity import IdentitySite

from serving.openapi import served
from stores.postgres import api_keys, signing_keys
from stores.postgres.client import connect

TENANT = "{tenant}"
PATH = {
    "user_id": TENANT,
    "session_id": str(uuid.uuid4()),
    "key_id": str(uuid.uuid4()),
    "event_id": str(uuid.uuid4()),
    "aggregate_id": str(uuid.uuid4()),
    "reservation_id": str(uuid.uuid4()),
    "interview_id": str(uuid.uuid4()),
    "endpoint_id": str(uuid.uuid4()),
    "delivery_id": str(uuid.uuid4()),
    "token": str(uuid.uuid4()),
    "aggregate_type": "interview",
    "dependency": "event_bus",
    "type": "user_events",
    "version": "1",
    "name": "icon.svg",
    "slug": "not-found",
}


@dataclass(frozen=True)
class Rule:
    """Who may call a route."""

    who: Literal["anybody", "user", "cookie", "scope"]
    scope: str = ""
    # `named`: the request names the tenant, and another's is 404. `owned`: it names an object, and
    # another tenant's is 404; make_objects makes one. `own`: only ever about whoever asks. `none`:
    # about no tenant's object, or about all at once; refused to whoever is bound to one.
    tenant: Literal["named", "owned", "own", "none"] = "none"
    body: dict[str, Any] = field(default_factory=dict)


def scope(name: str, tenant: Any = "none", **body: Any) -> Rule:
    """For who has this scope."""
    return Rule("scope", name, tenant, body)


ANYBODY = Rule("anybody")
USER = Rule("user", tenant="own")
COOKIE = Rule("cookie")

ROUTES: dict[str, Rule] = {
    # What says how the API is and how to use it.
    "GET /healthz": ANYBODY,
    "GET /readyz": ANYBODY,
    "GET /readyz/{dependency}": ANYBODY,
    "GET /openapi.json": ANYBODY,
    "GET /docs": ANYBODY,
    "GET /problems": ANYBODY,
    "GET /problems/{slug}": ANYBODY,
    "GET /v1/schemas": ANYBODY,
    "GET /v1/schemas/{type}/{version}": ANYBODY,
    "GET /.well-known/jwks.json": ANYBODY,
    # A candidate has the link and nothing else.
    "GET /v1/public/interviews/{token}": ANYBODY,
    # What makes credentials out of a password, a mail or a refresh token.
    "POST /v1/auth/register": ANYBODY,
    "POST /v1/auth/verify-email": ANYBODY,
    "POST /v1/auth/login": ANYBODY,
    "POST /v1/auth/refresh": ANYBODY,
    "POST /v1/auth/logout": ANYBODY,
    "POST /v1/auth/password-reset": ANYBODY,
    "POST /v1/auth/password-reset/confirm": ANYBODY,
    "GET /dashboards": ANYBODY,
    "GET /dashboards/login": ANYBODY,
    "POST /dashboards/login": ANYBODY,
    "POST /dashboards/logout": ANYBODY,
    "GET /dashboards/static/{name}": ANYBODY,
    # A user's own.
    "GET /v1/auth/sessions": USER,
    "DELETE /v1/auth/sessions": USER,
    "DELETE /v1/auth/sessions/{session_id}": USER,
    # Pages of the platform.
    "GET /dashboards/usage": COOKIE,
    "GET /dashboards/usage.csv": COOKIE,
    "GET /dashboards/dead-letters": COOKIE,
    "GET /dashboards/expectations": COOKIE,
    "POST /dashboards/login-links": scope("usage:read"),
    # Services of the platform.
    "GET /metrics": scope("analytics:read"),
    "GET /v1/analytics/api-health": scope("analytics:read"),
    "POST /v1/events": scope("events:write"),
    "POST /v1/interview-metrics": scope("events:write"),
    "POST /v1/api-metrics": scope("events:write"),
    "POST /v1/backfill/events": scope("events:backfill"),
    "POST /v1/backfill/interview-metrics": scope("events:backfill"),
    "POST /v1/backfill/api-metrics": scope("events:backfill"),
    "GET /v1/events/{event_id}/status": scope("events:read"),
    "POST /v1/aggregates/{aggregate_type}/{aggregate_id}/events": scope("aggregates:write"),
    "GET /v1/aggregates/{aggregate_type}/{aggregate_id}/events": scope("aggregates:read"),
    "GET /v1/admin/keys": scope("admin"),
    "POST /v1/admin/keys": scope("admin"),
    "POST /v1/admin/keys/{key_id}/rotate": scope("admin"),
    "DELETE /v1/admin/keys/{key_id}": scope("admin"),
    # A tenant's objects.
    "GET /v1/usage/{user_id}": scope("usage:read", "named"),
    "GET /v1/usage/accounts": scope("usage:read", "own"),
    "GET /v1/entitlements/{user_id}": scope("usage:read", "named"),
    "POST /v1/quota/consume": scope(
        "quota:consume", "named", user_id=TENANT, resource="interviews", amount=1
    ),
    "POST /v1/quota/reservations": scope(
        "quota:consume", "named", user_id=TENANT, resource="interviews", amount=1
    ),
    "GET /v1/quota/reservations/{reservation_id}": scope("quota:consume", "owned"),
    "POST /v1/quota/reservations/{reservation_id}/commit": scope("quota:consume", "owned"),
    "POST /v1/quota/reservations/{reservation_id}/release": scope("quota:consume", "owned"),
    "GET /v1/users/{user_id}/interviews": scope("interviews:read", "named"),
    "GET /v1/interviews/{interview_id}": scope("interviews:read", "owned"),
    "GET /v1/candidate-sessions/{session_id}/timeline": scope("interviews:read", "owned"),
    "GET /v1/media/backlog": scope("interviews:read", "own"),
    "GET /v1/analytics/ai-cost": scope("analytics:read", "own"),
    "GET /v1/webhooks": scope("webhooks:manage", "own"),
    "POST /v1/webhooks": scope(
        "webhooks:manage", "named", user_id=TENANT, url="https://hooks.example.com/usage"
    ),
    "GET /v1/webhooks/{endpoint_id}": scope("webhooks:manage", "owned"),
    "PATCH /v1/webhooks/{endpoint_id}": scope("webhooks:manage", "owned"),
    "DELETE /v1/webhooks/{endpoint_id}": scope("webhooks:manage", "owned"),
    "GET /v1/webhooks/{endpoint_id}/deliveries": scope("webhooks:manage", "owned"),
    "GET /v1/webhooks/{endpoint_id}/deliveries/{delivery_id}": scope("webhooks:manage", "owned"),
    "POST /v1/webhooks/{endpoint_id}/deliveries/{delivery_id}/replay": scope(
        "webhooks:manage", "owned"
    ),
    "POST /v1/webhooks/{endpoint_id}/replay": scope("webhooks:manage", "owned"),
}


def _routes(found: Any) -> Iterator[str]:
    """`METHOD path` of everything that is served; a mounted part is `* path`."""
    for path, route in served(found):
        if not getattr(route, "methods", None):
            yield f"* {path}"
        else:
            for method in sorted(route.methods - {"HEAD", "OPTIONS"}):
                yield f"{method} {path}"


@dataclass
class Asking:
    """Sends requests of the table's routes."""

    site: IdentitySite

    def __call__(
        self,
        name: str,
        token: str = "",
        tenant: str = "",
        scheme: str = "Bearer",
        objects: dict[str, str] | None = None,
    ) -> Any:
        """What `METHOD path` answers to these credentials."""
        method, _, path = name.partition(" ")
        tenant = tenant or str(uuid.uuid4())
        for parameter, value in {**PATH, **(objects or {})}.items():
            path = path.replace(f"{{{parameter}}}", value.replace(TENANT, tenant))
        assert "{" not in path, f"PATH has nothing for {name}"
        headers = {"Authorization": f"{scheme} {token}"} if token else {}
        body = json.dumps(ROUTES[name].body).replace(TENANT, tenant)
        if method in ("POST", "PUT", "PATCH"):
            headers |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
            return self.site.client.request(method, path, headers=headers, content=body)
        return self.site.client.request(method, path, headers=headers)


@pytest.fixture
def ask(identity: IdentitySite) -> Asking:
    return Asking(identity)


def key(site: IdentitySite, *scopes: str, **options: Any) -> str:
    """A key with these scopes."""
    with connect(site.database_url) as connection:
        return api_keys.create(connection, uuid.uuid4().hex, scopes, **options)


def make_objects(ask: "Asking", owner: str) -> dict[str, str]:
    """An object of each kind that belongs to this tenant, by the path parameter that names it."""
    administrator = key(ask.site, "admin")
    [[interview]] = ask.site.sql(
        "INSERT INTO interviews (title, created_by, status) VALUES ('theirs', %s, 'active')"
        " RETURNING id",
        owner,
    )
    [[session]] = ask.site.sql(
        "INSERT INTO candidate_sessions (interview_id) VALUES (%s) RETURNING id", interview
    )
    ask.site.sql(
        "WITH plan AS (INSERT INTO subscription_plans (name, price, billing_interval, limits,"
        " features) VALUES ('a plan', 1, 'month', '{\"interviews\": 9}', '[]') RETURNING id)"
        " INSERT INTO subscriptions (user_id, plan_id, status, current_period_start,"
        " current_period_end) SELECT %s, id, 'active', now() - interval '1 day',"
        " now() + interval '1 day' FROM plan",
        owner,
    )
    endpoint = ask("POST /v1/webhooks", administrator, owner)
    reservation = ask("POST /v1/quota/reservations", administrator, owner)
    assert (endpoint.status_code, reservation.status_code) == (201, 201), reservation.text
    return {
        "interview_id": str(interview),
        "session_id": str(session),
        "endpoint_id": endpoint.json()["id"],
        "reservation_id": str(reservation.json().get("id") or reservation.json()["reservation_id"]),
    }


def user_id_of(site: IdentitySite, email: str) -> uuid.UUID:
    [[found]] = site.sql("SELECT id FROM users WHERE email = %s", email)
    return found


def _coded(content: Any) -> bytes:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def token(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A JWT of any kind, which a library would refuse to make."""
    start = _coded(header) + b"." + _coded(claims)
    return (start + b"." + _coded(sign(start))).decode()


def bad_credentials(site: IdentitySite) -> dict[str, str]:
    """By what is wrong with them. Each would open everything if it were right."""
    with connect(site.database_url, autocommit=True) as connection:
        signing = signing_keys.signing(connection, site.secret)
        [public] = [k for k in signing_keys.published(connection) if k.kid == signing.kid]
        expired = api_keys.create(
            connection, uuid.uuid4().hex, ["admin"], expires_at=datetime.now(UTC)
        )
        revoked = api_keys.create(connection, "to be revoked", ["admin"])
        api_keys.revoke(connection, "to be revoked")
        rotated = api_keys.create(connection, "to be rotated", ["admin"])
        found = api_keys.named(connection, "to be rotated")
        assert found is not None
        api_keys.rotate(connection, found.id, overlap_seconds=0)
    suspended = user_id_of(site, site.make_user())
    of_suspended = key(site, "usage:read", user_id=suspended)
    site.sql("UPDATE users SET status = 'suspended' WHERE id = %s", suspended)
    tokens = site.log_in(site.make_user("operator"))
    header = jwt.get_unverified_header(tokens["access_token"])
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["scope"] == "admin"
    stranger = Ed25519PrivateKey.generate()
    raw = public.key.public_bytes_raw()
    pem = public.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    own_key = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _coded(stranger.public_key().public_bytes_raw()).decode(),
    }

    def by_hmac(secret: bytes) -> str:
        return token(
            header | {"alg": "HS256"},
            claims,
            lambda start: hmac.digest(secret, start, hashlib.sha256),
        )

    def signed(**other: Any) -> str:
        return token(header, claims | other, signing.key.sign)

    start, _, signature = tokens["access_token"].rpartition(".")
    tampered = _coded(claims | {"sub": str(uuid.uuid4())}).decode()
    without = {name: value for name, value in claims.items() if name != "exp"}
    return {
        "garbage": "idp_garbage",
        "garbage like a token": "a.b.c",
        "many dots": "." * 3000,
        "an expired key": expired,
        "a revoked key": revoked,
        "a key that was rotated": rotated,
        "a suspended user's key": of_suspended,
        "a refresh token": tokens["refresh_token"],
        "an expired token": signed(iat=int(time.time()) - 700, exp=int(time.time()) - 31),
        "a token without an end": token(header, without, signing.key.sign),
        "another audience": signed(aud="another-api"),
        "another issuer": signed(iss="somebody"),
        "not yet": signed(iat=int(time.time()) + 300),
        "alg none": token(header | {"alg": "none"}, claims, lambda _: b""),
        "alg none, signed": token(header | {"alg": "None"}, claims, signing.key.sign),
        "HS256 with the public key": by_hmac(raw),
        "HS256 with the public key as PEM": by_hmac(pem),
        "an unknown kid": token(header | {"kid": "unknown"}, claims, signing.key.sign),
        "a kid that is a path": token(
            header | {"kid": "../../etc/passwd"}, claims, signing.key.sign
        ),
        "a kid that is no text": token(header | {"kid": 7}, claims, signing.key.sign),
        "a stranger's signature": token(header, claims, stranger.sign),
        "a key of its own": token(header | {"jwk": own_key}, claims, stranger.sign),
        "another kind of token": token(header | {"typ": "JWT"}, claims, signing.key.sign),
        "no signature": start + ".",
        "other claims": f"{start.partition('.')[0]}.{tampered}.{signature}",
        "a subject that is no user": signed(sub="admin"),
    }


def guarded(*kinds: str) -> list[tuple[str, Rule]]:
    return [(name, rule) for name, rule in ROUTES.items() if rule.who in kinds]


def test_every_route_is_in_the_table(identity: IdentitySite) -> None:
    served = list(_routes(identity.app.routes))
    assert set(served) - set(ROUTES) == set(), "say in ROUTES who may call these"
    assert set(ROUTES) - set(served) == set(), "these are no longer served"
    for name, rule in guarded("scope"):
        assert rule.scope in api_keys.SCOPES, name


def test_what_is_for_anybody_asks_for_no_credentials(ask: Asking) -> None:
    for name, _ in guarded("anybody"):
        answer = ask(name)
        # The form of the dashboards is also 401, to whoever sends it empty.
        assert "www-authenticate" not in answer.headers, name
        assert answer.status_code not in (403, 500), name


def test_nothing_else_is_answered_without_valid_credentials(
    ask: Asking, identity: IdentitySite
) -> None:
    bad = bad_credentials(identity)
    tables = ("users", "user_roles", "platform.api_keys", "event_store", "platform.mail_outbox")
    count = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    before = identity.sql(count)
    wrong = []
    for name, _ in guarded("scope", "user"):
        answers = {what: ask(name, token) for what, token in bad.items()}
        answers |= {
            "nothing": ask(name),
            "another scheme": ask(name, bad["garbage"], scheme="Basic"),
        }
        for what, answer in answers.items():
            is_refused = answer.status_code == 401 and answer.headers["www-authenticate"]
            if not is_refused or answer.headers["content-type"] != "application/problem+json":
                wrong.append((name, what, answer.status_code))
    assert wrong == []
    assert identity.sql(count) == before


def test_a_scope_opens_its_routes_and_no_others(ask: Asking, identity: IdentitySite) -> None:
    administrators = [key(identity, "admin")]
    administrators.append(identity.log_in(identity.make_user("operator"))["access_token"])
    with_scope = {name: key(identity, name) for name in api_keys.SCOPES}
    without = {
        name: key(identity, *(set(api_keys.ORDINARY_SCOPES) - {name})) for name in api_keys.SCOPES
    }
    for name, rule in guarded("scope"):
        assert ask(name, without[rule.scope]).status_code == 403, name
        allowed = [with_scope[rule.scope]]
        # A link to the pages is good for as long as a key is: no user can make one.
        allowed += administrators if "login-links" not in name else administrators[:1]
        for token in allowed:
            assert ask(name, token).status_code not in (401, 403, 500), name


def test_a_tenant_sees_its_own_objects_and_no_others(ask: Asking, identity: IdentitySite) -> None:
    email = identity.make_user()
    tenant = user_id_of(identity, email)
    other = str(user_id_of(identity, identity.make_user()))
    objects = make_objects(ask, other)
    signed_in = identity.log_in(email)
    bound = key(identity, *api_keys.TENANT_SCOPES, user_id=tenant)
    askers = {
        bound: set(api_keys.TENANT_SCOPES),
        signed_in["access_token"]: set(signed_in["scope"].split()),
    }
    for token, scopes in askers.items():
        for name, rule in guarded("scope"):
            if rule.scope not in scopes or rule.tenant == "none":
                assert ask(name, token).status_code == 403, name
                continue
            assert ask(name, token, str(tenant)).status_code not in (401, 403, 500), name
            if rule.tenant == "own":
                continue
            theirs = ask(name, token, other, objects=objects)
            nobodys = ask(name, token, str(uuid.uuid4()))
            # Who may not see it, may not learn that it is there.
            texts = [{**answer.json(), "request_id": ""} for answer in (theirs, nobodys)]
            assert texts[0] == texts[1], name
            # Where dbt has not built what is asked, nothing is found out either.
            assert texts[0]["status"] in (404, 503), (name, texts[0])
            is_built = texts[0]["status"] == 404
            assert is_built or name == "GET /v1/candidate-sessions/{session_id}/timeline", name


def test_a_users_own_is_for_users_who_are_signed_in(ask: Asking, identity: IdentitySite) -> None:
    administrator = key(identity, "admin")
    for name, _ in guarded("user"):
        signed_in = identity.log_in(identity.make_user())["access_token"]
        assert ask(name, administrator).status_code == 403, name
        assert ask(name, signed_in).status_code not in (401, 403, 500), name


def test_pages_open_with_their_cookie_alone(ask: Asking, identity: IdentitySite) -> None:
    for name, _ in guarded("cookie"):
        for token in ("", key(identity, "admin")):
            answer = ask(name, token)
            assert answer.status_code == 303, name
            assert answer.headers["location"].startswith("/dashboards/login?"), name
