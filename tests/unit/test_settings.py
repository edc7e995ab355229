"""Settings: where a value comes from, and what a wrong one says."""

import json
from pathlib import Path

import pytest

from stores.errors import SettingInvalid
from stores.settings import STORE_URLS, environment_file, load_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INTERVIEW_DATA_HOME", str(tmp_path))
    for name in (*STORE_URLS, "api_url", "api_key", "dagster_url"):
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


def test_a_missing_url_says_how_to_get_one(home: Path) -> None:
    with pytest.raises(SettingInvalid, match=r"DATABASE_URL: is not set.*interview-data up"):
        load_settings().require("database_url")


def test_the_running_stack_publishes_its_urls_through_the_home(home: Path) -> None:
    environment_file(home).write_text(json.dumps({"REDIS_URL": "redis://127.0.0.1:1"}))
    assert load_settings().redis_url == "redis://127.0.0.1:1"


def test_the_environment_wins_over_the_running_stack(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment_file(home).write_text(json.dumps({"REDIS_URL": "redis://127.0.0.1:1"}))
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:2")
    assert load_settings().redis_url == "redis://elsewhere:2"


@pytest.mark.parametrize("name", STORE_URLS)
def test_a_url_of_the_wrong_kind_names_the_setting_and_hides_the_value(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name.upper(), "ftp://user:sesame@host")
    with pytest.raises(SettingInvalid) as caught:
        load_settings()
    assert name.upper() in str(caught.value)
    assert "must start with" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_every_wrong_setting_is_named_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://host")
    monkeypatch.setenv("REDIS_URL", "redis://host:port")
    with pytest.raises(SettingInvalid, match=r"DATABASE_URL.*REDIS_URL: its port must be"):
        load_settings()


def test_a_password_is_never_in_the_text_of_the_settings(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:sesame@host/db")
    monkeypatch.setenv("API_KEY", "sesame")
    assert "sesame" not in repr(load_settings())
