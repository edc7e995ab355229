"""Marts: what dbt's own tests say of them, nothing personal in them, what bad input looks like."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from dbt.artifacts.schemas.results import TestStatus
from fix_warehouse import Warehouse, make_customer

from orchestration.dbt_projects import WAREHOUSE
from orchestration.failing_rows import describe, personal_columns

SECRET = "sentinel-of-a-person"
ADDRESS = "203.0.113.77"
_COLUMNS = (
    "SELECT database, table, name FROM system.columns WHERE database IN"
    " ('marts', 'rollups', 'snapshots', 'staging') AND table NOT LIKE '%\\_\\_touched' ORDER BY ALL"
)


def _one_of_everything(warehouse: Warehouse) -> dict[str, UUID]:
    """A customer's whole story, with something personal wherever there can be."""
    now = datetime.now(UTC)
    user = make_customer(warehouse, {"interviews": {"limit": 5, "mode": "soft"}})
    warehouse.capture(
        "users", id=user, email=SECRET, full_name=SECRET, phone=SECRET, company_name="Alpha"
    )
    role = warehouse.capture("roles", name="admin", permissions='{"users": "write"}')
    warehouse.client.insert(
        "oltp_log.user_roles",
        [[user, role, now, 1, 0, now]],
        column_names=[
            "user_id",
            "role_id",
            "assigned_at",
            "_version",
            "_is_deleted",
            "_captured_at",
        ],
    )
    interview = warehouse.capture("interviews", title="Baker", created_by=user, created_at=now)
    questions = [
        warehouse.capture(
            "questions", interview_id=interview, text="Why?", type="video", order_index=place
        )
        for place in range(2)
    ]
    warehouse.capture(
        "interview_templates", name="first round", created_by=user, questions='["Why?"]'
    )
    begun = now - timedelta(days=3)
    session = warehouse.capture(
        "candidate_sessions",
        interview_id=interview,
        candidate_email=SECRET,
        candidate_name=SECRET,
        user_agent=SECRET,
        ip_address=SECRET,
        status="in_progress",
        started_at=begun,
        metadata=json.dumps({"name": SECRET}),
    )
    file = warehouse.capture(
        "media_files",
        interview_id=interview,
        session_id=session,
        question_id=questions[0],
        original_filename=SECRET,
        content_type="video/webm",
        file_size_bytes=1 << 20,
        original_path="media/raw/a/b/c/original.webm",
        status="processed",
        created_at=begun,
    )
    warehouse.capture(
        "candidate_responses",
        session_id=session,
        question_id=questions[0],
        media_file_id=file,
        duration_seconds=20,
        recorded_at=begun + timedelta(seconds=40),
    )
    warehouse.capture(
        "processing_jobs", media_file_id=file, job_type="compression", status="completed"
    )
    warehouse.capture("ai_models", name="assessor", version="1.4", type="analysis", config="{}")
    warehouse.capture(
        "analysis_results",
        interview_id=interview,
        session_id=session,
        transcription_text=SECRET,
        skills_assessment=json.dumps({SECRET: 1}),
        ai_model_version="assessor-1.4",
    )
    warehouse.capture(
        "event_store",
        aggregate_id=interview,
        aggregate_type="interview",
        event_type="created",
        event_data=json.dumps({"by": SECRET}),
        version=1,
    )
    warehouse.use(user, 0, 4)
    warehouse.client.insert(
        "analytics.user_events",
        [[uuid4(), user, "interview_opened", "{}", session, SECRET, ADDRESS, begun]],
        column_names=[
            *("event_id", "user_id", "event_type", "event_data", "session_id"),
            *("user_agent", "ip_address", "timestamp"),
        ],
    )
    warehouse.requests(0, [200])
    return {"user": user, "session": session, "question": questions[1]}


def _found(warehouse: Warehouse, test: str) -> str:
    """What is shown of a test that failed: its query is run anew."""
    manifest = WAREHOUSE.ensure_manifest()
    (node,) = [one for one in manifest["nodes"].values() if one["name"] == test]
    return describe("warehouse", manifest, node["unique_id"], warehouse.compiled[test])


@pytest.mark.long
@pytest.mark.timeout(600)
def test_marts_are_right_hold_nothing_personal_and_say_which_rows_are_bad(
    warehouse: Warehouse,
) -> None:
    ids = _one_of_everything(warehouse)
    became = warehouse.dbt("build")
    wrong = {
        name: warehouse.messages[name]
        for name, how in became.items()
        if how in ("fail", "error", "skipped")
    }
    assert not wrong, wrong
    # A warning is no failure: interview_metrics was left without a row.
    assert became["every_source_has_rows"] == "warn"
    assert "interview_metrics" in _found(warehouse, "every_source_has_rows")

    funnel = (
        "SELECT outcome, drop_off_question_id, response_count FROM marts.fct_candidate_sessions"
    )
    assert warehouse.rows(funnel) == [("abandoned", ids["question"], 1)]
    plan = "SELECT plan_name, interviews_limit_count FROM marts.fct_subscription_periods"
    assert warehouse.rows(plan) == [("starter", 5)]

    # What people can see of staging is described, and nothing personal has left it.
    manifest = WAREHOUSE.ensure_manifest()
    described = {
        (node["schema"], node["alias"]): set(node["columns"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    personal = personal_columns(manifest)
    for database, table, column in warehouse.rows(_COLUMNS):
        if (database, table) in described:
            assert column in described[database, table], f"{database}.{table}.{column}: describe it"
        (count,) = warehouse.rows(
            f"SELECT countIf(position(toString(`{column}`), '{SECRET}') > 0"
            f" OR position(toString(`{column}`), '{ADDRESS}') > 0) FROM {database}.{table}"
        )[0]
        assert not count or (database == "staging" and column in personal), (
            f"{database}.{table}.{column} shows what is personal: tag it in staging, hash it here"
        )

    # A key twice, and a column that is text since this morning.
    event = uuid4()
    rows = [[event, ids["user"], "page_view", "{}", ids["session"], datetime.now(UTC)]] * 2
    names = ["event_id", "user_id", "event_type", "event_data", "session_id", "timestamp"]
    warehouse.client.insert("analytics.user_events", rows, column_names=names)
    warehouse.client.command(
        "ALTER TABLE oltp_log.candidate_responses MODIFY COLUMN duration_seconds Nullable(String)"
    )
    # Capture makes the view anew, with the columns that there are now.
    warehouse.client.command(
        "CREATE OR REPLACE VIEW oltp.candidate_responses AS"
        " SELECT * EXCEPT (_version, _is_deleted, _captured_at)"
        " FROM oltp_log.candidate_responses FINAL WHERE _is_deleted = 0"
    )
    kinds, doubled = (
        "captured_columns_have_the_types_that_staging_takes",
        "unique_stg_events__user_events_event_id",
    )
    became = warehouse.dbt("test", "--select", kinds, doubled)
    assert became == {kinds: TestStatus.Fail, doubled: TestStatus.Fail}, warehouse.messages
    text = _found(warehouse, doubled)
    assert "stg_events__user_events.event_id" in text
    assert f"| {event} | 2 |" in text
    assert "| stg_oltp__candidate_responses | duration_seconds | Nullable(Int32) |" in _found(
        warehouse, kinds
    )

    # A contract that is broken names model, column and both types.
    warehouse.client.command(
        "ALTER TABLE analytics.api_metrics MODIFY COLUMN response_time_ms UInt64"
    )
    # A view keeps the types that it was made with.
    became = warehouse.dbt("run", "--select", "stg_events__api_metrics", "fct_api_requests")
    assert became["fct_api_requests"] == "error"
    for part in ("fct_api_requests", "response_time_ms", "UInt32", "UInt64"):
        assert part in warehouse.messages["fct_api_requests"]
