"""The usage page over real stores: what it shows, to whom, and what it says in trouble."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from fix_stack import RunningStack
from fix_usage import ALPHA, BETA, UsageSite, UsageTables, monthly

from interview_data.cli import main
from serving.queries.warehouse import Warehouse
from stores.postgres import api_keys
from stores.postgres.client import connect
from stores.redis_store.client import connect as connect_redis
from stores.redis_store.keys import Database

PAGE = "/dashboards/usage"
CARDS = re.compile(
    r'<a class="card (?P<state>\w+)".*?class="label">(?P<label>[^<]*)<.*?'
    r'class="(?:value(?: none)?)"[^>]*>(?P<value>[^<]*)<',
    re.DOTALL,
)


@pytest.fixture
def page(usage_client: TestClient, usage_key: str) -> TestClient:
    """A browser that is signed in."""
    answer = usage_client.post("/dashboards/login", data={"api_key": usage_key})
    assert answer.status_code == 303
    return usage_client


def _cards(client: TestClient, query: str = "") -> dict[str, tuple[str, str]]:
    found = CARDS.finditer(client.get(PAGE + query).text)
    return {match["label"]: (match["state"], unescape(match["value"])) for match in found}


def _csv(client: TestClient, query: str) -> list[list[str]]:
    answer = client.get(f"/dashboards/usage.csv?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return [line.split(",") for line in answer.text.splitlines()]


def test_the_cards_show_the_totals_of_the_range(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    assert _cards(page) == {
        "Active users": ("ready", "2"),
        "Events": ("ready", "72"),
        "Interviews used": ("ready", "112"),
        "AI analyses": ("ready", "0"),
        "Storage added": ("ready", "1.5 GiB"),
        "Sessions completed": ("ready", "1"),
        "Over plan limit": ("ready", "1"),
    }


def test_a_user_who_comes_on_two_days_counts_once(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    totals = {row[0]: row for row in _csv(page, "panel=totals&range=7d")}
    daily = _csv(page, "panel=daily&range=7d&metric=active_users")
    assert totals["active_users"][1] == "2"
    assert sum(int(row[1]) for row in daily[1:]) == 4


def test_events_without_a_user_count_as_events_but_not_as_users(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    rows = _csv(page, "panel=event_types&range=7d")
    assert rows[1:] == [["page_view", "52", "2"], ["report_viewed", "20", "1"]]


def test_the_download_is_what_the_page_shows(page: TestClient, usage_tables: UsageTables) -> None:
    usage_tables.fill()
    rows = _csv(page, "panel=daily&range=7d&metric=events")
    assert rows[0] == ["date", "events", "is_complete", "compared_date", "compared_events"]
    today, yesterday = rows[-1], rows[-2]
    assert today[:3] == [str(usage_tables.day(0)), "5", "false"]
    assert yesterday[:3] == [str(usage_tables.day(1)), "47", "true"]


def test_customers_are_listed_by_how_much_of_a_limit_they_used(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    rows = _csv(page, "panel=customers")
    assert [row[0] for row in rows[1:]] == [str(ALPHA), str(BETA)]
    alpha = dict(zip(rows[0], rows[1], strict=True))
    assert alpha["highest_limit_share"] == "3.0"
    assert alpha["over_limit_resource_count"] == "2"
    by_interviews = _csv(page, "panel=customers&sort=interviews")
    assert by_interviews[1][0] == str(BETA)


def test_resources_keep_usage_without_a_limit_out_of_the_share(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    rows = _csv(page, "panel=resources")
    interviews = next(dict(zip(rows[0], r, strict=True)) for r in rows if r[0] == "interviews")
    assert interviews["month_used_count"] == "112"
    assert interviews["limited_used_count"] == "12"
    assert interviews["limit_count"] == "10"
    assert interviews["over_limit_customer_count"] == "1"


def test_the_page_narrows_to_a_customer_and_to_a_plan(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    assert _cards(page, f"?user_id={BETA}")["Events"] == ("ready", "30")
    assert _cards(page, "?plan=starter")["Events"] == ("ready", "35")
    assert _cards(page, "?plan=starter")["Interviews used"] == ("ready", "12")


def test_a_customers_name_cannot_smuggle_markup_into_the_page(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    text = page.get(PAGE).text
    assert "<b>Beta</b>" not in text
    assert "&lt;b&gt;Beta&lt;/b&gt;" in text


def test_a_customer_stays_over_the_limit_until_the_month_ends(
    page: TestClient, usage_tables: UsageTables
) -> None:
    first = (usage_tables.today.replace(day=1) - timedelta(1)).replace(day=1)
    now = datetime.now(UTC)
    usage_tables.freshness(now, now)
    usage_tables.use(
        (ALPHA, first + timedelta(3), "interviews", 8),
        (ALPHA, first + timedelta(5), "interviews", 8),
    )
    month = monthly(ALPHA, first, "interviews", 16, limit=10, plan="starter")
    usage_tables.insert("rollups.rollup_usage_monthly", [month])
    rows = _csv(page, "panel=daily&range=last_month&metric=customers_over_limit")
    assert [row[1] for row in rows[1:]] == ["0"] * 5 + ["1"] * (len(rows) - 6)


def test_every_panel_says_until_when_its_data_reach(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    text = page.get(PAGE).text
    footers = re.findall(r"<footer>(.*?)</footer>", text, re.DOTALL)
    assert len(footers) == 4
    assert all("Data until" in footer and "s ago" in footer for footer in footers)
    assert "Not refreshed for a while" not in text


def test_a_late_refresh_is_a_warning(page: TestClient, usage_tables: UsageTables) -> None:
    usage_tables.fill()
    late = datetime.now(UTC) - timedelta(hours=3)
    usage_tables.freshness(late, late)
    text = page.get(PAGE).text
    assert "Not refreshed for a while" in text
    assert "3 h ago" in text


def test_before_any_data_the_page_says_how_to_load_some(
    page: TestClient, usage_tables: UsageTables
) -> None:
    for prepare in (usage_tables.create, usage_tables.drop):
        prepare()
        answer = page.get(PAGE)
        assert answer.status_code == 200
        assert {state for state, _ in _cards(page).values()} == {"not_loaded"}
        assert "interview-data load demo" in answer.text


def test_a_range_without_data_is_told_apart_and_offers_the_newest(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    text = page.get(f"{PAGE}?from=2020-01-01&to=2020-01-07").text
    assert "Nothing here for 1–7 Jan 2020" in text
    assert "Show the newest data" in text
    assert {state for state, _ in _cards(page, "?from=2020-01-01&to=2020-01-07").values()} == {
        "empty"
    }
    unknown = page.get(f"{PAGE}?user_id=dddddddd-0000-4000-8000-000000000004").text
    assert "Show all customers" in unknown
    assert "interview-data load demo" not in text + unknown


def test_while_clickhouse_is_away_nothing_is_shown_as_zero(
    page: TestClient, usage_tables: UsageTables, free_tcp_port: int
) -> None:
    page.app.state.warehouse = Warehouse(f"clickhouse://a:b@127.0.0.1:{free_tcp_port}/x")  # type: ignore[attr-defined]
    answer = page.get(PAGE)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert set(_cards(page).values()) == {("failed", "!")}
    assert answer.text.count("Try again") == 4
    download = page.get("/dashboards/usage.csv?panel=totals")
    assert download.status_code == 503


def test_one_missing_mart_spoils_its_own_card_alone(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    usage_tables.client.command("DROP TABLE marts.fct_candidate_sessions SYNC")
    cards = _cards(page)
    assert cards.pop("Sessions completed")[0] == "not_loaded"
    assert {state for state, _ in cards.values()} == {"ready"}


def test_a_wrong_parameter_is_named_on_the_page(
    page: TestClient, usage_tables: UsageTables
) -> None:
    answer = page.get(f"{PAGE}?range=8d&colour=red")
    assert answer.status_code == 422
    assert "must be one of 7d, 28d, 90d" in answer.text
    assert "colour" in answer.text
    assert page.get(f"{PAGE}?range=7d&range=28d").status_code == 422
    assert page.get("/dashboards/usage.csv?panel=secrets").json()["invalid_parameters"] == [
        {
            "field": "panel",
            "rule": "must be one of totals, daily, resources, customers, event_types",
        }
    ]


def test_nobody_sees_a_number_without_signing_in(
    usage_client: TestClient, usage_tables: UsageTables
) -> None:
    for path in (PAGE, "/dashboards/usage.csv?panel=totals"):
        answer = usage_client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/dashboards/login?next=")
    usage_client.cookies.set("interview_data_session", "invented", path="/dashboards")
    assert usage_client.get(PAGE).status_code == 303


def test_signing_in_needs_a_key_that_may_read_usage(
    usage_client: TestClient, usage_key: str, usage_site: UsageSite
) -> None:
    def sign_in(key: str) -> int:
        return usage_client.post("/dashboards/login", data={"api_key": key}).status_code

    assert sign_in("") == 401
    assert sign_in("idp_wrong") == 401
    assert sign_in(usage_site.make_key("writer", ["events:write"])) == 403
    assert sign_in(f" {usage_key}\n") == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    usage_client: TestClient, usage_key: str
) -> None:
    answer = usage_client.post("/dashboards/login", data={"api_key": usage_key})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/dashboards" in cookie
    assert usage_key.lower() not in cookie


def test_a_form_of_another_site_signs_nobody_in_or_out(page: TestClient, usage_key: str) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    data = {"api_key": usage_key}
    assert page.post("/dashboards/login", data=data, headers=foreign).status_code == 403
    assert page.post("/dashboards/logout", headers=foreign).status_code == 403
    assert page.get(PAGE).status_code == 200


def test_a_link_from_another_site_gets_a_second_chance_to_send_the_cookie(
    usage_client: TestClient, usage_tables: UsageTables
) -> None:
    answer = usage_client.get(f"{PAGE}?range=7d", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert 'content="0; url=/dashboards/usage?range=7d"' in answer.text


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/v1/events", "\\\\e"]
)
def test_signing_in_leads_nowhere_else(
    usage_client: TestClient, usage_key: str, target: str
) -> None:
    answer = usage_client.post("/dashboards/login", data={"api_key": usage_key, "next": target})
    assert answer.headers["location"] == PAGE


def test_signing_in_leads_back_to_what_was_asked_for(
    usage_client: TestClient, usage_key: str
) -> None:
    target = f"{PAGE}?range=7d&metric=events"
    answer = usage_client.post("/dashboards/login", data={"api_key": usage_key, "next": target})
    assert answer.headers["location"] == target


def test_signing_out_ends_the_session_itself(page: TestClient, usage_tables: UsageTables) -> None:
    cookie = page.cookies["interview_data_session"]
    assert page.post("/dashboards/logout").status_code == 303
    page.cookies.set("interview_data_session", cookie, path="/dashboards")
    assert page.get(PAGE).status_code == 303


def test_revoking_the_key_ends_its_sessions(page: TestClient, usage_site: UsageSite) -> None:
    assert page.get(PAGE).status_code == 200
    with connect(usage_site.database_url, autocommit=True) as connection:
        api_keys.revoke(connection, "reader")
    assert page.get(PAGE).status_code == 303


def test_a_link_signs_in_once(
    usage_client: TestClient, usage_key: str, usage_tables: UsageTables
) -> None:
    bearer = {"Authorization": f"Bearer {usage_key}"}
    made = usage_client.post("/dashboards/login-links", headers=bearer)
    assert made.status_code == 201
    url = made.json()["url"]
    assert usage_key not in url
    assert usage_client.get(url).headers["location"] == PAGE
    assert usage_client.get(PAGE).status_code == 200
    usage_client.cookies.clear()
    again = usage_client.get(url)
    assert again.status_code == 401
    assert "used already" in again.text


def test_a_link_is_made_for_those_who_may_read_usage(
    usage_client: TestClient, usage_site: UsageSite
) -> None:
    assert usage_client.post("/dashboards/login-links").status_code == 401
    bearer = {"Authorization": f"Bearer {usage_site.make_key('writer', ['events:write'])}"}
    assert usage_client.post("/dashboards/login-links", headers=bearer).status_code == 403


def test_redis_holds_nothing_that_opens_a_session(
    page: TestClient, session_stack: RunningStack
) -> None:
    cookie = page.cookies["interview_data_session"]
    client = connect_redis(Database.SESSIONS, session_stack.environment["REDIS_URL"])
    names = client.keys("dashboard:session:*")
    assert names
    assert all(cookie not in str(name) + str(client.get(name)) for name in names)
    assert all(0 < client.ttl(name) <= 12 * 3600 for name in names)


def test_the_page_allows_nothing_from_elsewhere(
    page: TestClient, usage_tables: UsageTables
) -> None:
    usage_tables.fill()
    answer = page.get(PAGE)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "private, no-store"
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", answer.text)
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", answer.text)


def test_static_files_are_kept_by_the_browser_and_nothing_else_is_served(
    usage_client: TestClient,
) -> None:
    for name in ("dashboard.css", "dashboard.js", "icon.svg"):
        answer = usage_client.get(f"/dashboards/static/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert usage_client.get("/dashboards/static/..%2Frendering.py").status_code == 404


def test_the_command_prints_a_link_that_signs_in(api_url: str) -> None:
    done = CliRunner().invoke(main, ["dashboard", "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    url = json.loads(done.stdout)["url"]
    assert url.startswith(f"{api_url}/dashboards/login?token=")
    answer = httpx.get(url)
    assert answer.headers["location"] == PAGE
    assert "set-cookie" in answer.headers


def test_the_command_names_the_setting_that_is_wrong(
    api_url: str, monkeypatch: pytest.MonkeyPatch, free_tcp_port: int
) -> None:
    monkeypatch.setenv("API_KEY", "idp_wrong")
    done = CliRunner().invoke(main, ["dashboard"])
    assert (done.exit_code, "API_KEY" in done.stderr) == (1, True)
    monkeypatch.setenv("API_URL", f"http://127.0.0.1:{free_tcp_port}")
    done = CliRunner().invoke(main, ["dashboard"])
    assert (done.exit_code, "API_URL" in done.stderr) == (1, True)
