"""A failed run is told, and so is the first that succeeds after it."""

import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from orchestration import failures
from orchestration.retries import failure, is_transient, transient_errors_tried_again
from stores.errors import InputInvalid, StoreUnavailable


class _Listener(BaseHTTPRequestHandler):
    said: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.said.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What was posted to ALERT_WEBHOOK_URL."""
    said: list[dict[str, Any]] = []
    handler = type("Handler", (_Listener,), {"said": said})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("ALERT_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/alerts")
        yield said
        server.shutdown()
        thread.join(5)


@dg.op
def broken() -> None:
    raise ValueError("the rollup cannot be built")


@dg.job
def nightly() -> None:
    broken()


def test_a_failed_run_is_logged_and_posted_with_its_innermost_error(
    posted: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    instance = dg.DagsterInstance.ephemeral()
    result = nightly.execute_in_process(instance=instance, raise_on_error=False)
    context = dg.build_run_status_sensor_context(
        sensor_name="tell_failed_runs",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    ).for_run_failure()
    with caplog.at_level(logging.ERROR):
        failures.tell_failed_runs(context)
    [said] = posted
    assert (said["what"], said["job"], said["run_id"]) == ("run_failed", "nightly", result.run_id)
    assert "the rollup cannot be built" in said["failed_steps"]["broken"]
    assert result.run_id in caplog.text


def test_only_the_first_success_after_a_failure_is_told(posted: list[dict[str, Any]]) -> None:
    instance = dg.DagsterInstance.ephemeral()

    def ends(status: dg.DagsterRunStatus) -> None:
        run = create_run_for_test(instance, job_name="nightly", status=status)
        if status == dg.DagsterRunStatus.SUCCESS and failures._has_failed_before(instance, run):
            failures.tell("run_recovered", run, {})

    for status in ("SUCCESS", "FAILURE", "FAILURE", "SUCCESS", "SUCCESS"):
        ends(dg.DagsterRunStatus(status))
    assert [said["what"] for said in posted] == ["run_recovered"]


def test_a_listener_that_is_away_is_logged_without_its_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "http://user:secret@127.0.0.1:1/alerts")
    run = create_run_for_test(dg.DagsterInstance.ephemeral(), job_name="nightly")
    failures.tell("run_failed", run, {})
    assert "ALERT_WEBHOOK_URL does not answer" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("HTTPConnectionPool: Max retries exceeded with url", True),
        ("Code: 241. DB::Exception: memory limit exceeded", True),
        ("connection to server failed: Connection refused", True),
        ("Code: 47. DB::Exception: Unknown identifier", False),
        ("contract of dim_users: column plan_name is missing", False),
    ],
)
def test_a_store_that_is_away_is_told_from_a_mistake(message: str, expected: bool) -> None:
    assert is_transient(message) is expected
    raised = failure("dbt could not build", [message])
    assert isinstance(raised, dg.RetryRequested) is expected
    mixed = failure("dbt could not build", [message, "Unknown identifier"])
    assert isinstance(mixed, dg.Failure)
    assert mixed.allow_retries is False


def test_a_transient_error_asks_for_another_try_and_others_do_not() -> None:
    with pytest.raises(dg.RetryRequested), transient_errors_tried_again():
        raise StoreUnavailable("DATABASE_URL: nobody answers")
    with pytest.raises(InputInvalid), transient_errors_tried_again():
        raise InputInvalid("table", "is unknown")
