"""What a plan allows is given out once: over HTTP, real Redis and real PostgreSQL."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import redis
from fix_quota import QuotaApi, change_limits, ledger_used, new_customer
from fix_stack import wait_until

from stores.postgres.client import connect
from stores.redis_store import keys
from stores.redis_store.client import connect as connect_redis

INJECTIONS = ("'; DROP TABLE users; --", "${jndi:ldap://x}", "\x00", "../../etc/passwd", "é" * 300)


@pytest.fixture
def counters(redis_url: str) -> "redis.Redis":
    """Where the counters are."""
    return connect_redis(keys.Database.USAGE, redis_url)


def test_using_counts_once_and_is_refused_with_the_numbers(
    quota_api: QuotaApi, postgres_url: str
) -> None:
    user = new_customer(postgres_url, {"interviews": 10})
    status, first = quota_api.consume(user, 7, "first")
    assert (status, first["used_count"], first["remaining_count"]) == (201, 7, 3)
    assert (first["enforcement"], first["is_repeat"]) == ("checked", False)
    status, again = quota_api.consume(user, 7, "first")
    assert (status, again["id"], again["used_count"]) == (200, first["id"], 7)
    assert again["is_repeat"]
    status, other = quota_api.consume(user, 2, "first")
    assert (status, other["type"]) == (422, "/problems/idempotency-key-reused")
    status, refused = quota_api.consume(user, 4)
    assert (status, refused["type"]) == (409, "/problems/quota-exceeded")
    found = {name: refused[name] for name in ("limit_count", "used_count", "reserved_count")}
    assert found == {"limit_count": 10, "used_count": 7, "reserved_count": 0}
    assert quota_api.consume(user, 3)[0] == 201
    # What was done stays done when nothing is left.
    assert quota_api.consume(user, 7, "first")[0] == 200
    assert ledger_used(postgres_url, user) == 10


def test_consume_answers_the_same_whether_or_not_the_framework_routes_it(
    quota_api: QuotaApi, postgres_url: str
) -> None:
    """The second content type is as good, and too odd to be led past the framework."""
    stranger = quota_api.as_tenant(new_customer(postgres_url, {"interviews": 1}))
    found = []
    for content_type in ("application/json", "application/json; charset=utf-8"):
        user = new_customer(postgres_url, {"interviews": 5})
        tenant = quota_api.as_tenant(user)
        answers = []
        for api, amount, key in (
            (quota_api, 2, "a"),
            (quota_api, 2, "a"),
            (quota_api, 1, "a"),
            (tenant, 2, "a"),
            (quota_api, 9, "b"),
            (stranger, 1, "c"),
            (QuotaApi(quota_api.url, "nobody", postgres_url), 1, "c"),
            (quota_api, 0, "c"),
        ):
            body = {"user_id": str(user), "resource": "interviews", "amount": amount}
            headers = {"Idempotency-Key": f"{user}{key}", "Content-Type": content_type}
            status, told, sent = api.ask("POST", "/v1/quota/consume", body, headers)
            differing = ("id", "user_id", "counted_at", "request_id")
            kept = {name: value for name, value in told.items() if name not in differing}
            names = sorted(name.lower() for name in sent if name.lower() != "date")
            answers.append((status, kept, names, sent["Content-Type"]))
        found.append(answers)
    assert [status for status, *_ in found[0]] == [201, 200, 422, 201, 409, 404, 401, 422]
    assert found[0] == found[1]


def test_a_reservation_holds_until_it_is_committed_released_or_over(
    quota_api: QuotaApi, postgres_url: str
) -> None:
    user = new_customer(postgres_url, {"interviews": 10})
    _, held = quota_api.reserve(user, 6, "a")
    assert (held["state"], held["quota"]["reserved_count"]) == ("held", 6)
    assert quota_api.reserve(user, 6, "a")[0] == 200
    assert quota_api.reserve(user, 5, "a")[0] == 422
    assert quota_api.reserve(user, 6, "a", ttl_seconds=7)[0] == 422
    assert quota_api.consume(user, 5)[0] == 409
    status, problem = quota_api.end(held["id"], "commit", {"amount": 7})
    assert (status, problem["invalid_parameters"][0]["field"]) == (422, "amount")
    for _ in range(2):
        status, done = quota_api.end(held["id"], "commit", {"amount": 4})
        assert (status, done["state"], done["committed_amount"]) == (200, "committed", 4)
    for how, body in (("commit", {"amount": 5}), ("commit", None), ("release", None)):
        status, problem = quota_api.end(held["id"], how, body)
        assert (status, problem["type"]) == (409, "/problems/reservation-ended")
    standing = quota_api.standing(user)
    assert (standing["used_count"], standing["reserved_count"]) == (4, 0)

    _, freed = quota_api.reserve(user, 6, "b")
    for _ in range(2):
        assert quota_api.end(freed["id"], "release")[1]["state"] == "released"
    assert quota_api.end(freed["id"], "commit")[0] == 409

    _, over = quota_api.reserve(user, 6, "c", ttl_seconds=1)
    assert quota_api.standing(user)["reserved_count"] == 6
    wait_until(lambda: quota_api.standing(user)["reserved_count"] == 0, 5, "it is over")
    _, found, _ = quota_api.ask("GET", f"/v1/quota/reservations/{over['id']}")
    assert found["state"] == "expired"
    assert found["settled_at"] == found["expires_at"], "when it ended"
    assert quota_api.end(over["id"], "commit")[0] == 409
    assert quota_api.consume(user, 6)[0] == 201
    assert ledger_used(postgres_url, user) == 10


def test_200_clients_that_race_for_100_units_get_exactly_100_even_if_redis_is_flushed_meanwhile(
    quota_api: QuotaApi, postgres_url: str, counters: "redis.Redis"
) -> None:
    for flushes in (0, 3):
        user = new_customer(postgres_url, {"interviews": 100})
        answered = threading.Semaphore(0)

        def use(_: int, user: UUID = user, answered: threading.Semaphore = answered) -> int:
            status = quota_api.consume(user)[0]
            answered.release()
            return status

        with ThreadPoolExecutor(50) as clients:
            asked = [clients.submit(use, number) for number in range(200)]
            for _ in range(flushes):
                for _ in range(20):
                    answered.acquire()
                counters.flushdb()
            statuses = [one.result() for one in asked]
        assert (statuses.count(201), statuses.count(409)) == (100, 100)
        assert ledger_used(postgres_url, user) == 100


def test_a_counter_is_the_key_that_the_architecture_names_and_ends_with_the_month(
    quota_api: QuotaApi, postgres_url: str, counters: "redis.Redis"
) -> None:
    user = new_customer(postgres_url, {"interviews": 10})
    quota_api.consume(user, 3)
    now = datetime.now(UTC)
    key = keys.usage_key(user, "interviews", now)
    assert counters.get(key) == "3"
    assert counters.expiretime(key) == int(keys.usage_expires_at(now).timestamp())


@pytest.mark.parametrize("lost", ["", ":state", ":holds"])
def test_a_counter_of_which_a_part_is_evicted_is_counted_anew_before_the_next_answer(
    quota_api: QuotaApi, postgres_url: str, counters: "redis.Redis", lost: str
) -> None:
    user = new_customer(postgres_url, {"interviews": 10})
    quota_api.consume(user, 3)
    quota_api.reserve(user, 4)
    with connect(postgres_url) as connection:
        # Somebody else records usage, which the counter cannot know.
        connection.execute(
            "INSERT INTO usage_tracking (user_id, resource_type, count, date)"
            " VALUES (%s, 'interviews', 2, %s)",
            [user, datetime.now(UTC).date()],
        )
    assert quota_api.standing(user)["used_count"] == 3
    assert counters.delete(keys.usage_key(user, "interviews", datetime.now(UTC)) + lost) == 1
    standing = quota_api.standing(user)
    assert (standing["used_count"], standing["reserved_count"]) == (5, 4)
    assert quota_api.consume(user, 2)[0] == 409
    assert quota_api.consume(user, 1)[0] == 201


def test_a_soft_limit_is_passed_up_to_its_grace_and_a_greater_plan_holds_at_once(
    quota_api: QuotaApi, postgres_url: str
) -> None:
    soft = {"limit": 10, "mode": "soft", "grace_percent": 20}
    user = new_customer(postgres_url, {"interviews": soft, "storage": {"limit": 1, "mode": "soft"}})
    status, found = quota_api.consume(user, 12)
    assert (status, found["is_over_limit"], found["remaining_count"]) == (201, True, 0)
    assert quota_api.consume(user, 1)[0] == 409
    assert quota_api.consume(user, 50, resource="storage")[0] == 201
    assert quota_api.consume(user, 10**9, resource="analysis")[1]["limit_count"] is None
    change_limits(postgres_url, user, {"interviews": 13})
    assert quota_api.consume(user, 1)[0] == 201
    for wrong in ({"interviews": "many"}, {"interviews": -1}, [], {"interviews": {"limit": 1.5}}):
        change_limits(postgres_url, user, wrong)
        assert quota_api.consume(user, 1)[0] == 409, wrong


def test_entitlements_are_told_with_an_etag(quota_api: QuotaApi, postgres_url: str) -> None:
    user = new_customer(postgres_url, {"interviews": 10, "analysis": {"limit": 5, "mode": "soft"}})
    status, found, headers = quota_api.ask("GET", f"/v1/entitlements/{user}")
    assert (status, headers["Cache-Control"]) == (200, "private, no-cache")
    assert [(e["resource"], e["limit_count"], e["mode"]) for e in found["resources"]] == [
        ("analysis", 5, "soft"),
        ("interviews", 10, "hard"),
        ("storage", None, "hard"),
    ]
    tag = {"If-None-Match": f'"other", W/{headers["ETag"]}'}
    status, nothing, again = quota_api.ask("GET", f"/v1/entitlements/{user}", headers=tag)
    assert (status, nothing, again["ETag"]) == (304, None, headers["ETag"])
    quota_api.consume(user)
    assert quota_api.ask("GET", f"/v1/entitlements/{user}", headers=tag)[0] == 200
    with connect(postgres_url) as connection:
        connection.execute("UPDATE subscriptions SET status = 'cancelled'")
    wait_until(lambda: quota_api.standing(user)["plan_name"] is None, 10, "the plan is gone")
    assert quota_api.standing(user)["limit_count"] == 0
    assert quota_api.consume(user)[0] == 409


def test_a_tenant_sees_and_uses_its_own_alone(quota_api: QuotaApi, postgres_url: str) -> None:
    mine, other = (new_customer(postgres_url, {"interviews": 10}) for _ in range(2))
    _, held = quota_api.reserve(mine, 3)
    tenant, stranger = quota_api.as_tenant(mine), quota_api.as_tenant(other)
    path = f"/v1/quota/reservations/{held['id']}"
    assert tenant.ask("GET", path)[0] == 200
    unknown = stranger.ask("GET", f"/v1/quota/reservations/{uuid.uuid4()}")
    for refused in (
        stranger.ask("GET", path),
        (*stranger.end(held["id"], "commit"), None),
        (*stranger.end(held["id"], "release"), None),
    ):
        assert (refused[0], refused[1]["detail"]) == (404, unknown[1]["detail"])
    assert stranger.consume(mine)[0] == stranger.reserve(mine)[0] == 404
    assert stranger.ask("GET", f"/v1/entitlements/{mine}")[0] == 404
    assert tenant.consume(mine, 1, "same")[0] == stranger.consume(other, 2, "same")[0] == 201
    assert quota_api.standing(mine)["reserved_count"] == 3


WRONG: list[dict[str, Any]] = [
    *(
        {"amount": value}
        for value in (0, -1, 1.5, 2.0, "3", True, None, 10**9 + 1, 2**63, 1e400, [], {})
    ),
    *({"resource": value} for value in ("", "videos", *INJECTIONS)),
    *({"user_id": value} for value in ("", "17", *INJECTIONS)),
    {"more": 1},
]


def test_what_is_wrong_is_refused_and_changes_nothing(
    quota_api: QuotaApi, postgres_url: str
) -> None:
    user = new_customer(postgres_url, {"interviews": 10})
    for wrong in WRONG:
        body = {"user_id": str(user), "resource": "interviews", "amount": 1} | wrong
        for path in ("/v1/quota/consume", "/v1/quota/reservations"):
            key = {"Idempotency-Key": str(uuid.uuid4())}
            status, problem, headers = quota_api.ask("POST", path, body, key)
            assert status == 422, wrong
            assert headers["Content-Type"] == "application/problem+json"
            assert problem["invalid_parameters"], wrong
    standing = quota_api.standing(user)
    assert (standing["used_count"], standing["reserved_count"]) == (0, 0)
    assert ledger_used(postgres_url, user) == 0


def test_keys_bodies_and_ids_that_are_wrong_are_refused(
    quota_api: QuotaApi, postgres_url: str
) -> None:
    user = new_customer(postgres_url, {"interviews": 10})
    body = {"user_id": str(user), "resource": "interviews"}
    for key in (None, "", " ", "a b", "x" * 256):
        headers = {} if key is None else {"Idempotency-Key": key}
        assert quota_api.ask("POST", "/v1/quota/consume", body, headers)[0] == 422, key
    key = {"Idempotency-Key": "a"}
    for text in (b"", b"{", b"[]", b'"x"', b"\xff", b"null", b"[" * 5000):
        assert quota_api.ask("POST", "/v1/quota/consume", text, key)[0] in (400, 422), text[:9]
    for path in ("/v1/quota/reservations/17", "/v1/entitlements/17", "/v1/entitlements/%00"):
        assert quota_api.ask("GET", path)[0] == 422, path
    assert quota_api.ask("GET", f"/v1/entitlements/{uuid.uuid4()}")[0] == 404
    assert quota_api.consume(uuid.uuid4())[0] == 404
    assert quota_api.end(str(uuid.uuid4()), "commit")[0] == 404
    _, held = quota_api.reserve(user, 5)
    for amount in (0, -1, 6, 1.5, "2", 2**70):
        status, _ = quota_api.end(held["id"], "commit", {"amount": amount})
        assert status == 422, amount
    for ttl in (0, -1, 86_401, "9", 1.5):
        assert quota_api.reserve(user, 1, ttl_seconds=ttl)[0] == 422, ttl
    assert quota_api.standing(user)["reserved_count"] == 5
    assert ledger_used(postgres_url, user) == 0
