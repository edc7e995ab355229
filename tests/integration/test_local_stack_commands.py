"""`interview-data` operates a home: up, status, env, logs, down, reset."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from fix_stack import as_json, interview_data, new_home

from stores.local.home import Home

ONE = ("--only", "redis")


@pytest.fixture
def home() -> Iterator[Home]:
    made = new_home()
    yield made
    interview_data("reset", "--yes", home=made)
    made.path.rmdir()


def test_a_home_goes_through_its_whole_life(home: Home) -> None:
    assert interview_data("status", home=home).returncode == 1
    assert "Nothing is running" in interview_data("down", home=home).stdout

    started = interview_data("up", "--detach", *ONE, home=home)
    assert started.returncode == 0, started.stderr
    assert "redis://127.0.0.1:" in started.stdout
    status = as_json(interview_data("status", "--json", home=home))
    assert status["is_ready"]
    assert [service["state"] for service in status["services"]] == ["ready"]
    assert status["services"][0]["memory_bytes"] > 0

    again = interview_data("up", "--detach", home=home)
    assert again.returncode == 0
    assert "Already running" in again.stdout

    with redis.Redis.from_url(_environment(home)["REDIS_URL"]) as client:
        client.set("kept", "1")
    assert interview_data("down", home=home).stdout == "Stopped.\n"
    assert interview_data("up", "--detach", *ONE, home=home).returncode == 0
    with redis.Redis.from_url(_environment(home)["REDIS_URL"]) as client:
        assert client.get("kept") == b"1"

    assert "Ready to accept connections" in interview_data("logs", "redis", home=home).stdout
    unsure = interview_data("reset", home=home)
    assert unsure.returncode == 2
    assert "--yes" in unsure.stderr
    assert interview_data("reset", "--yes", home=home).returncode == 0
    again = interview_data("reset", "--yes", home=home)
    assert again.returncode == 0, again.stderr
    assert list(home.path.iterdir()) == []


def _environment(home: Home) -> dict[str, str]:
    """What a shell has after `eval "$(interview-data env)"`."""
    exports = interview_data("env", home=home).stdout
    script = f'{exports}\nprintf %s "$REDIS_URL"'
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    values = as_json(interview_data("env", "--json", home=home))
    assert shell.stdout == values["REDIS_URL"]
    assert exports.splitlines() == [f"export {k}={shlex.quote(v)}" for k, v in values.items()]
    return dict(values)


def test_a_store_with_a_url_of_its_own_is_not_started(home: Home, redis_url: str) -> None:
    started = interview_data(
        "up", "--detach", "--only", "redis", "--only", "event-bus", home=home, REDIS_URL=redis_url
    )
    assert started.returncode == 0, started.stderr
    status = as_json(interview_data("status", "--json", home=home))
    assert [service["name"] for service in status["services"]] == ["event-bus"]
    assert as_json(interview_data("env", "--json", home=home))["REDIS_URL"] == redis_url


def test_a_shell_that_has_evaluated_env_starts_the_same_stack_again(home: Home) -> None:
    assert interview_data("up", "--detach", *ONE, home=home).returncode == 0
    values = as_json(interview_data("env", "--json", home=home))
    interview_data("down", home=home)
    again = interview_data("up", "--detach", *ONE, home=home, **values)
    assert again.returncode == 0, again.stderr
    assert as_json(interview_data("env", "--json", home=home)) == values
    status = as_json(interview_data("status", "--json", home=home))
    assert [service["name"] for service in status["services"]] == ["redis"]


def test_without_a_running_stack_env_says_how_to_start_one(tmp_path: Path) -> None:
    done = interview_data("env", home=Home(tmp_path))
    assert done.returncode == 2
    assert "interview-data up" in done.stderr
    assert done.stdout == ""


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = interview_data("up", "--detach", "--only", "mysql", home=Home(tmp_path / "home"))
    assert done.returncode == 1
    assert "must be one of postgres, clickhouse" in done.stderr


def test_a_folder_that_holds_something_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    done = interview_data("up", "--detach", *ONE, home=Home(tmp_path))
    assert done.returncode == 2
    assert "INTERVIEW_DATA_HOME" in done.stderr
