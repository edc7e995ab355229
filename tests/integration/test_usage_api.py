"""`GET /v1/usage/{user_id}`: metered usage over real ClickHouse, PostgreSQL and Redis."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from fix_usage import ALPHA, BETA, GAMMA, UsageSite, UsageTables, monthly

from serving.queries.warehouse import QUERIES, Warehouse, question

THIS_MONTH = f"{datetime.now(UTC):%Y-%m}"


@pytest.fixture
def get(usage_client: TestClient, usage_key: str):  # type: ignore[no-untyped-def]
    """GET with a key."""

    def ask(path: str, key: str = usage_key):  # type: ignore[no-untyped-def]
        return usage_client.get(path, headers={"Authorization": f"Bearer {key}"})

    return ask


def test_usage_is_told_against_the_limits_of_the_plan(get, usage_tables: UsageTables) -> None:
    usage_tables.fill()
    found = get(f"/v1/usage/{ALPHA}?month={THIS_MONTH}")
    assert found.status_code == 200
    body = found.json()
    assert (body["user_id"], body["month"], body["plan_name"]) == (
        str(ALPHA),
        THIS_MONTH,
        "starter",
    )
    by_type = {item.pop("resource_type"): item for item in body["resources"]}
    assert by_type == {
        "analysis": {
            "used_count": 0,
            "limit_count": 30,
            "remaining_count": 30,
            "overage_count": 0,
        },
        "interviews": {
            "used_count": 12,
            "limit_count": 10,
            "remaining_count": 0,
            "overage_count": 2,
        },
        "storage": {
            "used_count": 1536,
            "limit_count": 512,
            "remaining_count": 0,
            "overage_count": 1024,
        },
    }


def test_the_answer_says_how_fresh_it_is(get, usage_tables: UsageTables) -> None:
    usage_tables.fill()
    until = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    usage_tables.freshness(until, until + timedelta(seconds=20))
    body = get(f"/v1/usage/{ALPHA}").json()
    assert datetime.fromisoformat(body["fresh_as_of"]) == until
    assert datetime.fromisoformat(body["refreshed_at"]) == until + timedelta(seconds=20)


def test_without_a_limit_there_is_no_remainder(get, usage_tables: UsageTables) -> None:
    usage_tables.fill()
    body = get(f"/v1/usage/{BETA}").json()
    [interviews] = body["resources"]
    assert interviews["used_count"] == 100
    assert interviews["limit_count"] is interviews["remaining_count"] is None
    assert interviews["overage_count"] == 0


def test_who_used_nothing_is_told_the_limits_all_the_same(get, usage_tables: UsageTables) -> None:
    usage_tables.fill()
    body = get(f"/v1/usage/{GAMMA}").json()
    assert body["plan_name"] == "starter"
    assert [(item["resource_type"], item["used_count"]) for item in body["resources"]] == [
        ("analysis", 0),
        ("interviews", 0),
        ("storage", 0),
    ]
    assert [item["remaining_count"] for item in body["resources"]] == [30, 10, 512]


def test_a_month_before_the_subscription_has_no_plan(get, usage_tables: UsageTables) -> None:
    usage_tables.fill()
    body = get(f"/v1/usage/{GAMMA}?month=2024-02").json()
    assert body["plan_name"] is None
    assert body["resources"] == []


def test_an_unknown_user_is_not_found(get, usage_tables: UsageTables) -> None:
    usage_tables.fill()
    found = get(f"/v1/usage/{UUID(int=404)}")
    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "month",
    ["2026-13", "2026-00", "november", "2026-1", "2026-11-01", "", "1999-01", "２０２６-11"],
)
def test_a_wrong_month_is_refused_with_the_rule(get, month: str) -> None:
    found = get(f"/v1/usage/{ALPHA}?month={month}")
    assert found.status_code == 422
    [broken] = found.json()["invalid_parameters"]
    assert broken["field"] == "month"
    assert "YYYY-MM" in broken["rule"]


def test_a_month_to_come_is_refused(get) -> None:
    coming = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m}"
    found = get(f"/v1/usage/{ALPHA}?month={coming}")
    assert found.status_code == 422
    assert THIS_MONTH in found.json()["invalid_parameters"][0]["rule"]


def test_a_user_id_that_is_no_uuid_is_refused(get) -> None:
    found = get("/v1/usage/17")
    assert found.status_code == 422
    assert found.json()["invalid_parameters"][0]["field"] == "user_id"


def test_a_key_is_needed_and_must_have_the_scope(
    get, usage_client: TestClient, usage_site: UsageSite
) -> None:
    assert usage_client.get(f"/v1/usage/{ALPHA}").status_code == 401
    assert get(f"/v1/usage/{ALPHA}", key="idp_wrong").status_code == 401
    assert (
        get(f"/v1/usage/{ALPHA}", key=usage_site.make_key("writer", ["events:write"])).status_code
        == 403
    )


def test_before_the_models_are_built_the_caller_is_asked_to_wait(
    get, usage_tables: UsageTables
) -> None:
    usage_tables.drop()
    found = get(f"/v1/usage/{ALPHA}")
    assert found.status_code == 503
    assert int(found.headers["retry-after"]) > 0


def test_while_clickhouse_is_away_the_caller_is_asked_to_wait(
    get, usage_client: TestClient, free_tcp_port: int
) -> None:
    usage_client.app.state.warehouse = Warehouse(f"clickhouse://a:b@127.0.0.1:{free_tcp_port}/x")  # type: ignore[attr-defined]
    found = get(f"/v1/usage/{ALPHA}")
    assert found.status_code == 503
    assert int(found.headers["retry-after"]) > 0
    assert "ClickHouse" in found.json()["detail"]


def test_the_endpoint_is_documented_with_an_example(usage_client: TestClient) -> None:
    document = usage_client.get("/openapi.json").json()
    answers = document["paths"]["/v1/usage/{user_id}"]["get"]["responses"]
    assert {"200", "401", "403", "404", "422", "503"} <= set(answers)
    assert document["components"]["schemas"]["MonthlyUsage"]["examples"][0]["resources"]


@pytest.mark.parametrize("name", sorted(path.stem for path in QUERIES.glob("*.sql")))
def test_questions_read_rollups_and_marts_alone_and_bind_their_parameters(name: str) -> None:
    words = question(name).replace("(", " ").replace(")", " ").split()
    after = [words[i + 1] for i, word in enumerate(words[:-1]) if word in ("FROM", "JOIN")]
    tables = [word for word in after if "." in word]
    assert tables
    assert all(table.startswith(("rollups.", "marts.")) for table in tables)
    assert "%(" not in question(name)


def test_a_month_is_told_by_days_and_beside_the_month_before(
    get, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    before = usage_tables.today.replace(day=1) - timedelta(days=1)
    earlier = monthly(ALPHA, before, "interviews", 8, limit=10, plan="starter")
    usage_tables.insert("rollups.rollup_usage_monthly", [earlier])
    asked = f"/v1/usage/{ALPHA}?grain=day&compare=previous&resource=interviews"
    [found] = get(asked).json()["resources"]
    assert (found["previous_used_count"], found["change_percent"]) == (8, "50.0")
    assert found["days"] == [{"date": str(usage_tables.today), "used_count": 12}]
    [found] = get(f"/v1/usage/{ALPHA}?compare=previous&resource=storage").json()["resources"]
    assert (found["previous_used_count"], found["change_percent"]) == (0, None)


def test_all_accounts_are_told_page_by_page(get, usage_tables: UsageTables) -> None:
    usage_tables.fill()
    path = "/v1/usage/accounts?compare=previous&grain=day&limit=2"
    first = get(path).json()
    second = get(f"{path}&cursor={first['next_cursor']}").json()
    rows = first["accounts"] + second["accounts"]
    assert len(first["accounts"]) == 2
    assert second["next_cursor"] is None
    assert sorted((row["user_id"], row["resource_type"], row["used_count"]) for row in rows) == [
        (str(ALPHA), "interviews", 12),
        (str(ALPHA), "storage", 1536),
        (str(BETA), "interviews", 100),
    ]
    assert all(row["days"] for row in rows)
    assert {row["previous_used_count"] for row in rows} == {0}
    assert first["refreshed_at"].endswith("Z")
    only = get("/v1/usage/accounts?resource=storage").json()["accounts"]
    assert [(row["user_id"], row["overage_count"], row["days"]) for row in only] == [
        (str(ALPHA), 1024, None)
    ]
    assert get(f"{path}&resource=storage&cursor={first['next_cursor']}").status_code == 422


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("month", "2026-13"),
        ("month", "'; DROP TABLE users; --"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("resource", "videos"),
        ("grain", "hour"),
        ("compare", "next"),
        ("limit", "0"),
        ("limit", "1e9"),
        ("cursor", "%00"),
        ("more", "1"),
    ],
)
def test_wrong_parameters_of_usage_are_refused_by_name(get, name: str, value: str) -> None:
    for path in ("accounts", str(ALPHA)):
        found = get(f"/v1/usage/{path}?{name}={value}")
        assert found.status_code == 422
        if name != "cursor":
            assert found.json()["invalid_parameters"][0]["field"] == name
