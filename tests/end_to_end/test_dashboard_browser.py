"""The usage page in a real browser: by pointer, by keyboard, on a telephone, in trouble."""

import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI
from fix_stack import wait_until
from fix_usage import UsageSite, UsageTables
from playwright.sync_api import Browser, Page, expect, sync_playwright

from serving.queries.warehouse import Warehouse

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1280, "height": 900}
TELEPHONE = {"width": 360, "height": 740}

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium: `apt-get install chromium` to run the browser tests"
)


@contextmanager
def _served(app: FastAPI) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started, 20, "the API starts")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def site_url(usage_site: UsageSite) -> Iterator[str]:
    """The page's address."""
    with _served(usage_site.app) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(
    browser: Browser, site_url: str, usage_site: UsageSite, usage_tables: UsageTables
) -> Iterator[Page]:
    """Signed in, with data, on a desktop; nothing may be asked of another host."""
    usage_tables.fill()
    usage_site.app.state.warehouse = usage_site.warehouse
    key = usage_site.make_key("browser", ["usage:read"])
    context = browser.new_context(viewport=DESKTOP)
    elsewhere: list[str] = []
    complaints: list[str] = []
    opened = context.new_page()
    opened.on("request", lambda request: _note(elsewhere, request.url, site_url))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda line: complaints.append(line.text) if "Content Security" in line.text else None,
    )
    opened.goto(f"{site_url}/dashboards/usage?range=7d")
    opened.get_by_label("API key").fill(key)
    opened.get_by_role("button", name="Sign in").click()
    expect(opened.get_by_role("heading", name="Usage", exact=True)).to_be_visible()
    yield opened
    context.close()
    assert not elsewhere
    assert not complaints


def _note(elsewhere: list[str], url: str, site_url: str) -> None:
    if urlsplit(url).netloc != urlsplit(site_url).netloc:
        elsewhere.append(url)


def test_signing_in_leads_to_the_page_that_was_asked_for(page: Page) -> None:
    assert page.url.endswith("/dashboards/usage?range=7d")
    expect(page.locator(".card").first).to_contain_text("Active users")
    expect(page.locator(".card .value").first).to_have_text("2")


def test_a_card_chooses_the_metric_of_the_chart_and_the_address_keeps_it(page: Page) -> None:
    page.get_by_role("link", name="Storage added").click()
    expect(page.get_by_role("heading", name="Storage added by day")).to_be_visible()
    assert "metric=storage" in page.url
    assert "range=7d" in page.url


def test_pointing_at_a_day_shows_its_value_and_the_compared_one(page: Page) -> None:
    page.get_by_role("link", name="Events").first.click()
    page.locator("svg.wide .day").nth(5).locator("rect").hover()
    tip = page.locator("[data-tip]")
    expect(tip).to_be_visible()
    expect(tip.locator("b")).to_have_text("47")
    expect(tip.locator(".then")).to_contain_text("0 on")


def test_the_chart_is_read_by_the_arrow_keys_and_spoken(page: Page) -> None:
    page.get_by_role("link", name="Events").first.click()
    page.locator("svg.wide").focus()
    page.keyboard.press("End")
    spoken = page.locator("[data-spoken]")
    expect(spoken).to_contain_text("(incomplete): 5")
    page.keyboard.press("ArrowLeft")
    expect(spoken).to_contain_text(": 47")
    page.keyboard.press("Escape")
    expect(page.locator("[data-tip]")).to_be_hidden()


def test_every_chart_has_its_numbers_in_a_table(page: Page) -> None:
    page.get_by_text("Show as a table").click()
    rows = page.locator("#daily-table tbody tr")
    expect(rows).to_have_count(7)
    expect(rows.first).to_contain_text("incomplete")


def test_a_range_of_ones_own_is_chosen_with_two_dates(
    page: Page, usage_tables: UsageTables
) -> None:
    page.locator("#range-menu summary").click()
    page.get_by_label("From").fill(str(usage_tables.day(2)))
    page.get_by_label("To", exact=True).fill(str(usage_tables.day(1)))
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile("range=custom"))
    expect(page.locator(".card", has_text="Events").locator(".value")).to_have_text("67")


def test_a_customer_is_singled_out_by_a_click_and_let_go_by_another(page: Page) -> None:
    page.get_by_role("link", name="Alpha GmbH").click()
    chip = page.locator(".chip")
    expect(chip).to_contain_text("Alpha GmbH")
    expect(page.locator(".card", has_text="Events").locator(".value")).to_have_text("35")
    chip.get_by_role("link").click()
    expect(chip).to_have_count(0)


def test_a_panel_that_failed_is_tried_again_in_place(
    page: Page, usage_site: UsageSite, free_tcp_port: int
) -> None:
    away = Warehouse(f"clickhouse://a:b@127.0.0.1:{free_tcp_port}/x")
    usage_site.app.state.warehouse = away
    page.reload()
    expect(page.locator(".card.failed")).to_have_count(7)
    usage_site.app.state.warehouse = usage_site.warehouse
    page.get_by_role("link", name="Try again").first.click()
    expect(page.locator(".card.failed")).to_have_count(0)
    expect(page.locator(".card .value").first).to_have_text("2")
    away.close()


def test_numbers_on_the_page_stay_while_clickhouse_is_away(
    page: Page, usage_site: UsageSite, free_tcp_port: int
) -> None:
    away = Warehouse(f"clickhouse://a:b@127.0.0.1:{free_tcp_port}/x")
    usage_site.app.state.warehouse = away
    page.evaluate("refresh(false)")
    expect(page.locator("#offline")).to_contain_text("ClickHouse does not answer")
    expect(page.locator(".card .value").first).to_have_text("2")
    away.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_telephone_nothing_is_cut_off_in_either_theme(page: Page, scheme: str) -> None:
    page.set_viewport_size(TELEPHONE)
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    expect(page.locator("svg.narrow")).to_be_visible()
    expect(page.locator("svg.wide")).to_be_hidden()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red = int(re.findall(r"\d+", background)[0])
    assert (red < 60) == (scheme == "dark")


def test_signing_out_shows_the_sign_in_page(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(page.url.replace("/login", "/usage"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
