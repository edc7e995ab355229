"""What `up` prints about where things are."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from interview_data import status
from stores.errors import StoreUnavailable
from stores.local.home import Home

API = "http://127.0.0.1:18000"
LINK = f"{API}/dashboards/login?token=once"


def _printed(path: Path, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool) -> str:
    console = Console(force_terminal=is_terminal, width=200, color_system=None, record=True)
    monkeypatch.setattr(status, "_console", lambda: console)
    home = Home(path)
    home.environment_file.write_text(json.dumps({"API_URL": API, "API_KEY": "key"}))
    status.print_places(home)
    return console.export_text()


def test_a_person_gets_a_link_that_signs_in_and_a_log_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "login_link", lambda *_: LINK)
    assert LINK in _printed(tmp_path, monkeypatch, is_terminal=True)
    logged = _printed(tmp_path, monkeypatch, is_terminal=False)
    assert f"{API}/dashboards/usage" in logged
    assert "token" not in logged
    assert "interview-data dashboard" in logged


def test_without_an_answer_of_the_api_the_address_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: str) -> str:
        raise StoreUnavailable("API_URL: the API does not answer")

    monkeypatch.setattr(status, "login_link", refuse)
    assert f"{API}/dashboards/usage" in _printed(tmp_path, monkeypatch, is_terminal=True)


def test_the_search_indexer_is_left_out_with_what_it_fills(tmp_path: Path) -> None:
    from interview_data.supervise import names_to_run

    names = names_to_run(Home(tmp_path), (), ("search",))
    assert "search-indexer" not in names
    assert "api" in names
    assert "search-indexer" in names_to_run(Home(tmp_path), (), ("object-store",))
