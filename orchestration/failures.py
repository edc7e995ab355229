"""Runs that failed, and came right again, told to whoever is on call.

Belongs here: the sensors over runs, and what is said. A failed run is in the log of Dagster's
process, and is posted where ALERT_WEBHOOK_URL says; so is the first one of the same kind that
succeeds after it.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

import dagster as dg
import urllib3

from stores.settings import load_settings

log = logging.getLogger(__name__)

POST_SECONDS = 10
_LONGEST_ERROR = 500
_NEWEST = 2


@dg.run_failure_sensor(
    name="tell_failed_runs",
    monitor_all_code_locations=False,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run that failed is logged, and posted to ALERT_WEBHOOK_URL where that is set.",
)
def tell_failed_runs(context: dg.RunFailureSensorContext) -> None:
    """After the tries that a store's absence is worth; a run that is tried again has not failed."""
    steps = {event.step_key: _first_line(event) for event in context.get_step_failure_events()}
    tell("run_failed", context.dagster_run, {"failed_steps": steps, "error": _cause(context)})


@dg.run_status_sensor(
    name="tell_recovered_runs",
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitor_all_code_locations=False,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="The first run of a job that succeeds after one that failed is told too.",
)
def tell_recovered_runs(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
    """Runs of one kind are those of the same job that nobody or everybody started by hand."""
    if not _has_failed_before(context.instance, context.dagster_run):
        return dg.SkipReason("the run before it had not failed")
    tell("run_recovered", context.dagster_run, {})
    return None


def tell(what: str, run: dg.DagsterRun, more: Mapping[str, Any]) -> None:
    """Log it, and post it where somebody asked for that; a post that fails is logged as well."""
    settings = load_settings()
    said: dict[str, Any] = {"what": what, "job": run.job_name, "run_id": run.run_id, **more}
    if settings.dagster_url:
        said["url"] = f"{settings.dagster_url}/runs/{run.run_id}"
    log.log(logging.ERROR if what == "run_failed" else logging.WARNING, json.dumps(said))
    if settings.alert_webhook_url is None:
        return
    try:
        answer = urllib3.request(
            "POST", settings.alert_webhook_url, json=said, timeout=POST_SECONDS, retries=False
        )
        if answer.status >= 300:
            log.error("ALERT_WEBHOOK_URL answered %d to %s", answer.status, what)
    except urllib3.exceptions.HTTPError as error:
        log.error("ALERT_WEBHOOK_URL does not answer: %s", type(error).__name__)


def _cause(context: dg.RunFailureSensorContext) -> str:
    lines = (context.failure_event.message or "").strip().splitlines()
    return lines[0][:_LONGEST_ERROR] if lines else ""


def _first_line(event: dg.DagsterEvent) -> str:
    """Of the innermost error: the outer ones say only that a step failed."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    text = error.message if error is not None else event.message or ""
    return text.strip().splitlines()[0][:_LONGEST_ERROR] if text.strip() else ""


def _has_failed_before(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    found = instance.get_runs(
        dg.RunsFilter(
            job_name=run.job_name,
            statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE],
        ),
        limit=_NEWEST,
    )
    before = [one for one in found if one.run_id != run.run_id]
    return bool(before) and before[0].status == dg.DagsterRunStatus.FAILURE
