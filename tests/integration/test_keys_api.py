"""Keys: of services, made and rotated over HTTP and at a shell, and those that sign tokens."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from fix_identity import IdentitySite

from interview_data.cli import main
from serving.app import create_app
from stores.postgres import api_keys
from stores.postgres.client import connect


@pytest.fixture
def ask(identity: IdentitySite):  # type: ignore[no-untyped-def]
    """An administrator's request below /v1/admin/keys."""
    with connect(identity.database_url) as connection:
        key = api_keys.create(connection, uuid.uuid4().hex, ["admin"])

    def request(method: str, path: str = "", **body: Any) -> Any:
        return identity.client.request(
            method,
            f"/v1/admin/keys{path}",
            headers={"Authorization": f"Bearer {key}"},
            json=body if method == "POST" else None,
        )

    return request


def works(site: IdentitySite, key: str) -> bool:
    """As PostgreSQL has it; the API remembers for a while."""
    with connect(site.database_url, autocommit=True) as connection:
        return api_keys.verify(connection, key) is not None


def run(*arguments: str) -> str:
    """The command's output; it must succeed."""
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_key_is_made_listed_rotated_and_revoked(ask, identity: IdentitySite) -> None:
    name = uuid.uuid4().hex
    ends = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    made = ask("POST", name=name, scopes=["usage:read"], expires_at=ends, requests_per_minute=7)
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    found = made.json()
    assert (found["name"], found["scopes"], found["state"]) == (name, ["usage:read"], "works")
    assert (found["requests_per_minute"], found["last_used_at"]) == (7, None)
    assert works(identity, found["key"])
    assert ask("POST", name=name, scopes=["usage:read"]).status_code == 409

    listed = [k for k in ask("GET", "?limit=1000").json()["keys"] if k["name"] == name]
    assert "key" not in listed[0]
    used_at = datetime.fromisoformat(listed[0]["last_used_at"])
    assert abs((datetime.now(UTC) - used_at).total_seconds()) < 60
    [[kept]] = identity.sql(
        "SELECT row_to_json(k)::text FROM platform.api_keys k WHERE name = %s", name
    )
    assert found["key"] not in kept

    path = f"/{found['id']}"
    other = ask("POST", f"{path}/rotate", overlap_seconds=3600).json()
    assert (other["id"], other["scopes"], other["expires_at"]) == (
        found["id"],
        found["scopes"],
        found["expires_at"],
    )
    assert other["former_key_works_until"] is not None
    assert works(identity, found["key"])
    assert works(identity, other["key"])
    third = ask("POST", f"{path}/rotate", overlap_seconds=0).json()
    assert [works(identity, k["key"]) for k in (found, other, third)] == [False, False, True]

    fourth = ask("POST", f"{path}/rotate", overlap_seconds=3600).json()
    assert [ask("DELETE", path).status_code for _ in range(2)] == [204, 204]
    assert [works(identity, k["key"]) for k in (third, fourth)] == [False, False]
    assert ask("POST", f"{path}/rotate").status_code == 409
    # Its name is free again.
    assert ask("POST", name=name, scopes=["usage:read"]).status_code == 201
    assert ask("DELETE", f"/{uuid.uuid4()}").status_code == 404
    assert ask("POST", f"/{uuid.uuid4()}/rotate").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["events:write"], "user_id": str(uuid.uuid4())}, "scopes"),
        ({"scopes": ["admin"], "user_id": str(uuid.uuid4())}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"user_id": "nobody"}, "user_id"),
        ({"user_id": str(uuid.uuid4())}, "user_id"),
        ({"events_per_minute": 1}, "events_per_minute"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_key_that_cannot_be_is_refused(ask, wrong: dict[str, Any], field: str) -> None:
    answer = ask("POST", **({"name": uuid.uuid4().hex, "scopes": ["usage:read"]} | wrong))
    assert answer.status_code == 422
    assert field in {each["field"] for each in answer.json()["invalid_parameters"]}


def test_keys_are_listed_in_parts(ask) -> None:
    for _ in range(3):
        ask("POST", name=uuid.uuid4().hex, scopes=["usage:read"])
    names, after = [], ""
    while after is not None:
        part = ask("GET", f"?limit=2&after_name={after}").json()
        names += [key["name"] for key in part["keys"]]
        after = part["next_after_name"]
    assert len(names) >= 4
    assert names == sorted(set(names))
    assert ask("GET", "?after_name=%00").status_code in (200, 422)


def test_a_bound_key_ends_with_its_user(ask, identity: IdentitySite) -> None:
    email = identity.make_user()
    [[user_id]] = identity.sql("SELECT id FROM users WHERE email = %s", email)
    made = ask("POST", name=uuid.uuid4().hex, scopes=["usage:read"], user_id=str(user_id)).json()
    assert made["user_id"] == str(user_id)
    assert works(identity, made["key"])
    identity.sql("UPDATE users SET status = 'suspended' WHERE id = %s", user_id)
    assert not works(identity, made["key"])
    identity.sql("UPDATE users SET status = 'active' WHERE id = %s", user_id)
    assert works(identity, made["key"])
    identity.sql("DELETE FROM users WHERE id = %s", user_id)
    assert not works(identity, made["key"])


def test_use_is_noted_once_a_minute_and_waits_for_nobody(identity: IdentitySite) -> None:
    name = uuid.uuid4().hex
    with connect(identity.database_url) as connection:
        key = api_keys.create(connection, name, ["usage:read"])
    assert works(identity, key)
    version = "SELECT xmin::text, last_used_at FROM platform.api_keys WHERE name = %s"
    first = identity.sql(version, name)
    assert works(identity, key)
    assert identity.sql(version, name) == first
    identity.sql(
        "UPDATE platform.api_keys SET last_used_at = now() - interval '2 minutes' WHERE name = %s",
        name,
    )
    with connect(identity.database_url) as busy:
        busy.execute("SELECT FROM platform.api_keys WHERE name = %s FOR UPDATE", [name])
        assert works(identity, key)
    assert works(identity, key)
    assert identity.sql(version, name)[0][1] > first[0][1]


def test_keys_are_bound_and_rotated_at_a_shell(identity: IdentitySite) -> None:
    email, name = identity.make_user(), uuid.uuid4().hex
    [[user_id]] = identity.sql("SELECT id FROM users WHERE email = %s", email)
    key = run("keys", "create", name, "--user", str(user_id)).strip()
    with connect(identity.database_url, autocommit=True) as connection:
        found = api_keys.verify(connection, key)
    assert found is not None
    assert (found.user_id, found.scopes) == (user_id, frozenset(api_keys.TENANT_SCOPES))
    other = run("keys", "rotate", name, "--overlap-hours", "0").strip()
    assert (works(identity, key), works(identity, other)) == (False, True)
    # Mail is shown to whoever runs the platform, and forgotten once it was sent.
    identity.post("password-reset", email=email)
    token = identity.mailed_token(email)
    assert f"reset_password to {email}: {token}" in run("mail", "list", "--to", email)
    ids = [str(mail.id) for mail in identity.mails(email)]
    assert run("mail", "done", *ids).startswith(str(len(ids)))
    assert run("mail", "list", "--to", email, "--json") == ""


def test_signing_keys_change_without_anybody_being_signed_out(identity: IdentitySite) -> None:
    email = identity.make_user()
    tokens = identity.log_in(email)
    kid = jwt.get_unverified_header(tokens["access_token"])["kid"]

    def answers(*credentials: str) -> tuple[list[int], set[str], str]:
        """Of another host of the API, which remembers nothing: statuses, keys, and who signs."""
        with TestClient(create_app()) as client:
            statuses = [
                client.get("/v1/auth/sessions", headers={"Authorization": f"Bearer {each}"})
                for each in credentials
            ]
            published = client.get("/.well-known/jwks.json").json()["keys"]
            body = {"refresh_token": tokens["refresh_token"]}
            tokens.update(client.post("/v1/auth/refresh", json=body).json())
        signed_by = jwt.get_unverified_header(tokens["access_token"])["kid"]
        return [each.status_code for each in statuses], {k["kid"] for k in published}, signed_by

    first = tokens["access_token"]
    assert answers(first) == ([200], {kid}, kid)
    new = run("keys", "rotate-signing").split()[2]
    # It is published before it signs.
    assert answers(first) == ([200], {kid, new}, kid)
    identity.sql("UPDATE platform.signing_keys SET signs_from = now() WHERE kid = %s", new)
    assert answers(first) == ([200], {kid, new}, new)
    second = tokens["access_token"]
    identity.sql("UPDATE platform.signing_keys SET verifies_until = now() WHERE kid = %s", kid)
    assert answers(first, second) == ([401, 200], {new}, new)
    # In wrong hands: nothing that it signed works; whoever refreshes goes on.
    last = run("keys", "rotate-signing", "--at-once").split()[2]
    assert answers(second) == ([401], {last}, last)
    assert answers(tokens["access_token"])[0] == [200]
    [[sealed]] = identity.sql(
        "SELECT sealed_private_key FROM platform.signing_keys WHERE kid = %s", last
    )
    assert len(sealed) == 12 + 32 + 16
