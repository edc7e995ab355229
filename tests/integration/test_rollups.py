"""Each rollup says what its source says, and only the slices that changed are restated."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fix_warehouse import Warehouse, make_customer

_FUNNEL = (
    "SELECT started_count, first_answer_count, completed_count, abandoned_count, in_progress_count"
    " FROM rollups.rollup_interview_funnel_daily WHERE date = {day:Date}"
)
_STORED = (
    "SELECT storage_class, object_count, stored_bytes FROM rollups.rollup_storage_daily"
    " WHERE date = {day:Date} AND prefix = 'media/raw/' ORDER BY storage_class"
)


def _noon(warehouse: Warehouse, days_ago: int) -> datetime:
    return datetime.combine(warehouse.day(days_ago), datetime.min.time(), UTC) + timedelta(hours=9)


def _interview(warehouse: Warehouse, user_id: UUID) -> tuple[UUID, list[UUID]]:
    interview_id = warehouse.capture("interviews", title="Engineer", created_by=user_id)
    common = {"interview_id": interview_id, "text": "Why?", "type": "video"}
    asked = [warehouse.capture("questions", order_index=place, **common) for place in range(2)]
    return interview_id, asked


def _session(
    warehouse: Warehouse, interview_id: UUID, asked: list[UUID], days_ago: int, **row: Any
) -> UUID:
    """A session with an answer and its file to each of `asked`."""
    at = _noon(warehouse, days_ago)
    session = {"interview_id": interview_id, "status": "in_progress", "started_at": at, **row}
    session_id = warehouse.capture("candidate_sessions", **session)
    for question_id in asked:
        answer = {"session_id": session_id, "question_id": question_id, "recorded_at": at}
        warehouse.capture("candidate_responses", **answer)
    return session_id


def _file(warehouse: Warehouse, interview_id: UUID, days_ago: int, size: int) -> UUID:
    return warehouse.capture(
        "media_files",
        interview_id=interview_id,
        original_filename="original.webm",
        content_type="video/webm",
        file_size_bytes=size,
        original_path="media/raw/i/s/q/original.webm",
        status="processed",
        created_at=_noon(warehouse, days_ago),
    )


@pytest.mark.long
@pytest.mark.timeout(300)
def test_every_rollup_follows_changes_and_deletes_day_by_day(warehouse: Warehouse) -> None:
    user_id = make_customer(warehouse, {"interviews": 5})
    interview_id, asked = _interview(warehouse, user_id)
    done = {"status": "completed", "completed_at": _noon(warehouse, 5) + timedelta(minutes=9)}
    _session(warehouse, interview_id, asked, 5, **done)
    given_up = _session(warehouse, interview_id, asked[:1], 5, status="abandoned")
    going_on = _session(warehouse, interview_id, asked[:1], 0, started_at=datetime.now(UTC))
    file_id = _file(warehouse, interview_id, 40, 700)
    _file(warehouse, interview_id, 2, 300)
    analysis = {"interview_id": interview_id, "session_id": going_on, "processing_cost_usd": 0.5}
    analysis |= {"ai_model_version": "assessor-1.4", "created_at": _noon(warehouse, 5)}
    for _ in range(2):
        analysis_id = warehouse.capture("analysis_results", **analysis)
    warehouse.requests(20, [200] * 3)
    warehouse.build("+rollups", "stg_events__daily_user_activity")

    assert warehouse.rows(_FUNNEL, day=warehouse.day(5)) == [(2, 2, 1, 1, 0)]
    assert warehouse.rows(
        "SELECT completion_ratio, drop_off_question_id, drop_off_count"
        " FROM rollups.rollup_candidate_experience_daily WHERE date = {day:Date}",
        day=warehouse.day(5),
    ) == [(0.5, asked[1], 1)]
    assert warehouse.rows(_STORED, day=warehouse.day(0)) == [
        ("STANDARD", 1, 300),
        ("STANDARD_IA", 1, 700),
    ]
    costs = "SELECT date, model_name, analysis_count, cost_usd FROM rollups.rollup_ai_cost_daily"
    assert [tuple(map(str, row)) for row in warehouse.rows(costs)] == [
        (str(warehouse.day(5)), "assessor-1.4", "2", "1.0000")
    ]
    # Minutes that old are not kept; the hour was made of the requests themselves.
    hours = "SELECT toDate(hour), request_count FROM rollups.rollup_api_health_hourly ORDER BY ALL"
    assert warehouse.rows("SELECT count() FROM rollups.rollup_api_health_minutely") == [(0,)]
    assert warehouse.rows(hours) == [(warehouse.day(20), 3)]

    # A session, a file and an analysis are deleted, and a request comes very late.
    warehouse.delete("candidate_sessions", given_up)
    warehouse.delete("media_files", file_id)
    warehouse.delete("analysis_results", analysis_id)
    warehouse.requests(20, [500])
    warehouse.refresh()
    for rollup in ("rollup_interview_funnel_daily", "rollup_ai_cost_daily"):
        assert warehouse.touched(rollup) == [warehouse.day(5)], rollup
    assert warehouse.touched("rollup_storage_daily") == [
        warehouse.day(n) for n in range(40, -1, -1)
    ]
    assert warehouse.touched("rollup_api_health_daily") == [warehouse.day(20)]
    assert warehouse.rows(_FUNNEL, day=warehouse.day(5)) == [(1, 1, 1, 0, 0)]
    assert warehouse.rows(_STORED, day=warehouse.day(0)) == [("STANDARD", 1, 300)]
    assert warehouse.rows(hours) == [(warehouse.day(20), 4)]
    days = (
        "SELECT server_error_count, quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(response_time_ms_state)"
        " FROM rollups.rollup_api_health_daily GROUP BY ALL"
    )
    [(errors, times)] = warehouse.rows(days)
    assert errors == 1
    assert times == pytest.approx([10, 20, 20], rel=0.01)
    became = warehouse.test_rollups()
    assert set(became.values()) == {"pass"}, became


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_rollup_is_compared_again_when_its_own_rows_were_changed(warehouse: Warehouse) -> None:
    user_id = make_customer(warehouse, {"interviews": 5})
    warehouse.events(user_id, 1, count=3)
    warehouse.use(user_id, 1, 4)
    chosen = ("int_landed", "rollup_user_activity_daily", "rollup_usage_daily")
    warehouse.build("+rollup_user_activity_daily", "+rollup_usage_daily")
    activity = "SELECT sum(event_count), count() FROM rollups.rollup_user_activity_daily"
    warehouse.client.command(
        "INSERT INTO rollups.rollup_user_activity_daily SELECT date, user_id, 'other', 1,"
        " session_count, first_event_at, last_event_at FROM rollups.rollup_user_activity_daily"
    )
    assert warehouse.rows(activity) == [(4, 2)]
    warehouse.build(*chosen)
    assert warehouse.rows(activity) == [(3, 1)]
    assert warehouse.touched("rollup_usage_daily") == []

    # Another query made it: it is rebuilt, but what the events do not tell any more is kept.
    old = "addMonths(today(), -30)"
    warehouse.client.command(
        f"INSERT INTO rollups.rollup_user_activity_daily SELECT {old}, user_id, event_type, 9,"
        " session_count, first_event_at, last_event_at FROM rollups.rollup_user_activity_daily"
    )
    warehouse.client.command(
        "ALTER TABLE rollups.rollup_user_activity_daily MODIFY COMMENT 'made otherwise'"
    )
    warehouse.build(*chosen)
    assert warehouse.touched("rollup_user_activity_daily") == [warehouse.day(1)]
    assert warehouse.rows(activity) == [(12, 2)]
    [(comment,)] = warehouse.rows(
        "SELECT comment FROM system.tables WHERE name = 'rollup_user_activity_daily'"
    )
    assert comment != "made otherwise"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_what_did_not_move_is_not_compared(warehouse: Warehouse) -> None:
    user_id = make_customer(warehouse, {"interviews": 5})
    warehouse.events(user_id, 1, count=3)
    warehouse.use(user_id, 1, 4)
    chosen = ("int_landed", "rollup_user_activity_daily", "rollup_usage_daily")
    warehouse.build("+rollup_user_activity_daily", "+rollup_usage_daily")
    warehouse.build(*chosen)
    warehouse.events(user_id, 1)
    [(before,)] = warehouse.rows("SELECT now64(6)")
    warehouse.build(*chosen)
    assert warehouse.touched("rollup_user_activity_daily") == [warehouse.day(1)]
    warehouse.client.command("SYSTEM FLUSH LOGS")
    found = warehouse.rows(
        "SELECT extract(query, 'insert into `rollups`.`([a-z_]+)__touched') AS rollup"
        " FROM system.query_log WHERE type = 'QueryFinish' AND rollup != ''"
        " AND event_time_microseconds >= {before:DateTime64(6)}",
        before=before,
    )
    assert found == [("rollup_user_activity_daily",)]


@pytest.mark.long
@pytest.mark.timeout(300)
def test_comparing_reads_days_and_not_events(warehouse: Warehouse) -> None:
    user_id = make_customer(warehouse, None)
    warehouse.client.command(
        "INSERT INTO analytics.user_events (event_id, user_id, event_type, session_id, timestamp)"
        f" SELECT generateUUIDv4(), '{user_id}', 'page_view', '{user_id}',"
        " now64(3) - toIntervalDay(number % 50) FROM numbers(200000)"
    )
    warehouse.build("+rollup_user_activity_daily", "int_landed")
    for table, measure in (
        ("staging.stg_events__user_events", "sum(cityHash64(user_id, event_type))"),
        (
            "rollups.rollup_user_activity_daily",
            "sum(event_count * cityHash64(user_id, event_type))",
        ),
    ):
        found = warehouse.client.query(f"SELECT date, {measure} FROM {table} GROUP BY date")
        assert len(found.result_rows) == 50
        assert int(found.summary["read_rows"]) < 1_000, table
