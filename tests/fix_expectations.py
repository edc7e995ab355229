"""Landed rows to be judged: a good one for every suite, and one that breaks each expectation.

Belongs here: the rows. What is asked of them is the tests' business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fix_warehouse import Warehouse

from expectations.suites import SUITES

NOBODY = UUID(int=0)
NOW = datetime.now(UTC)
AHEAD = NOW + timedelta(days=3)
BEFORE = NOW - timedelta(days=3)


@dataclass
class Landed:
    """The warehouse's sources, and rows in them that belong together."""

    warehouse: Warehouse
    ids: dict[str, UUID] = field(default_factory=dict)

    def put(self, suite: str, **changed: Any) -> str:
        """A row of the suite's table: a good one but for `changed`. Returns its id."""
        row = self._good(suite) | changed
        key = SUITES[suite].key
        if not SUITES[suite].is_of_events:
            return str(self.warehouse.capture(suite, **row))
        self.warehouse.client.insert(
            SUITES[suite].table, [list(row.values())], column_names=list(row)
        )
        return str(row[key])

    def good(self) -> None:
        """One row in every table, each leading to the others."""
        for table in ("users", "interviews", "questions"):
            self.ids[table] = uuid4()
        self.warehouse.capture("interviews", id=self.ids["interviews"], title="x", status="active")
        self.warehouse.capture("questions", id=self.ids["questions"], text="x", type="video")
        for table in SUITES:
            self.ids.setdefault(table, uuid4())
        for table in SUITES:
            self.put(table, **{SUITES[table].key: self.ids[table]})

    def _good(self, suite: str) -> dict[str, Any]:
        ids = self.ids
        begun, ended = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
        event = {"user_id": ids["users"], "timestamp": ended}
        rows: Mapping[str, dict[str, Any]] = {
            "user_events": event
            | {
                "event_id": uuid4(),
                "event_type": "page_view",
                "event_data": "{}",
                "session_id": uuid4(),
            },
            "interview_metrics": event
            | {
                "metric_id": uuid4(),
                "interview_id": ids["interviews"],
                "metric_name": "score",
                "metric_value": 1.0,
            },
            "api_metrics": event
            | {
                "request_id": uuid4(),
                "method": "GET",
                "endpoint": "/x",
                "status_code": 200,
                "response_time_ms": 3,
                "service_name": "api",
            },
            "users": {
                "email": f"{uuid4()}@example.com",
                "password_hash": "-",
                "status": "active",
                "created_at": begun,
                "updated_at": ended,
            },
            "candidate_sessions": {
                "interview_id": ids["interviews"],
                "candidate_email": "candidate@example.com",
                "status": "completed",
                "started_at": begun,
                "completed_at": ended,
                "metadata": "{}",
            },
            "candidate_responses": {
                "session_id": ids["candidate_sessions"],
                "question_id": ids["questions"],
                "media_file_id": ids["media_files"],
                "duration_seconds": 60,
                "recorded_at": ended,
                "metadata": "{}",
            },
            "media_files": {
                "interview_id": ids["interviews"],
                "session_id": ids["candidate_sessions"],
                "original_filename": "x",
                "content_type": "video/webm",
                "file_size_bytes": 1,
                "original_path": "x",
                "status": "processed",
                "processing_started_at": begun,
                "processing_completed_at": ended,
                "created_at": begun,
            },
            "processing_jobs": {
                "media_file_id": ids["media_files"],
                "job_type": "thumbnail",
                "status": "completed",
                "progress": 1.0,
                "started_at": begun,
                "completed_at": ended,
            },
            "analysis_results": {
                "interview_id": ids["interviews"],
                "session_id": ids["candidate_sessions"],
                "confidence_score": 0.9,
                "overall_score": 70.0,
                "processing_cost_usd": 1,
                "ai_model_version": "1",
                "created_at": ended,
                "keywords": "[]",
            },
            "subscription_plans": {
                "name": "starter",
                "price": 10,
                "billing_interval": "month",
                "limits": "{}",
                "features": "[]",
            },
            "subscriptions": {
                "user_id": ids["users"],
                "plan_id": ids["subscription_plans"],
                "status": "active",
                "current_period_start": begun,
                "current_period_end": NOW + timedelta(days=30),
            },
            "usage_tracking": {
                "user_id": ids["users"],
                "subscription_id": ids["subscriptions"],
                "resource_type": "interviews",
                "count": 1,
                "date": NOW.date(),
            },
        }
        return dict(rows[suite])


_PLAIN = {"event_type": "Clicked on 17"}
# Suite -> expectation -> what of a good row is changed so that it breaks that one, and no other
# unless it is named beside it.
BAD: dict[str, dict[str, dict[str, Any]]] = {
    "user_events": {
        "event_id_is_given": {"event_id": NOBODY},
        "event_type_is_a_plain_name": _PLAIN,
        "date_is_the_day_of_the_timestamp": {"date": BEFORE.date()},
        "timestamp_is_not_in_the_future": {"timestamp": AHEAD},
        "event_data_is_a_json_object": {"event_data": "[1]"},
        "session_is_given": {"session_id": NOBODY},
        "user_id_leads_to_users": {"user_id": uuid4()},
    },
    "interview_metrics": {
        "metric_id_is_given": {"metric_id": NOBODY},
        "metric_name_is_a_plain_name": {"metric_name": ""},
        "metric_value_is_a_number": {"metric_value": float("nan")},
        "date_is_the_day_of_the_timestamp": {"date": BEFORE.date()},
        "timestamp_is_not_in_the_future": {"timestamp": AHEAD},
        "interview_id_leads_to_interviews": {"interview_id": uuid4()},
    },
    "api_metrics": {
        "request_id_is_given": {"request_id": NOBODY},
        "status_code_is_one_of_http": {"status_code": 0},
        "date_is_the_day_of_the_timestamp": {"date": BEFORE.date()},
        "timestamp_is_not_in_the_future": {"timestamp": AHEAD},
        "response_time_is_below_an_hour": {"response_time_ms": 4_000_000},
        "endpoint_is_a_path_without_ids": {"endpoint": f"/v1/users/{uuid4()}"},
    },
    "users": {
        "id_is_given": {"id": NOBODY},
        "updated_at_is_not_before_created_at": {"updated_at": BEFORE},
        "email_is_an_address": {"email": "nobody"},
        "status_is_known": {"status": "strange"},
        "created_at_is_not_in_the_future": {"created_at": AHEAD, "updated_at": AHEAD},
    },
    "candidate_sessions": {
        "id_is_given": {"id": NOBODY},
        "completed_at_is_not_before_started_at": {"completed_at": BEFORE},
        "only_a_completed_session_has_its_end": {"status": "in_progress"},
        "status_is_known": {"status": "strange"},
        "started_at_is_given": {"started_at": None},
        "started_at_is_not_in_the_future": {"started_at": AHEAD, "completed_at": None},
        "interview_id_leads_to_interviews": {"interview_id": uuid4()},
        "metadata_is_json": {"metadata": "{"},
    },
    "candidate_responses": {
        "id_is_given": {"id": NOBODY},
        "duration_seconds_is_possible": {"duration_seconds": -1},
        "duration_seconds_is_likely": {"duration_seconds": 90_000},
        "recorded_at_is_not_in_the_future": {"recorded_at": AHEAD},
        "session_id_leads_to_candidate_sessions": {"session_id": uuid4()},
        "question_id_leads_to_questions": {"question_id": uuid4()},
        "media_file_id_leads_to_media_files": {"media_file_id": uuid4()},
        "metadata_is_json": {"metadata": "{'a': 1}"},
    },
    "media_files": {
        "id_is_given": {"id": NOBODY},
        "file_size_bytes_is_possible": {"file_size_bytes": -5},
        "processing_completed_at_is_not_before_processing_started_at": {
            "processing_completed_at": BEFORE
        },
        "file_is_below_a_tebibyte": {"file_size_bytes": 2**41},
        "status_is_known": {"status": "strange"},
        "created_at_is_not_in_the_future": {"created_at": AHEAD},
        "interview_id_leads_to_interviews": {"interview_id": uuid4()},
        "session_id_leads_to_candidate_sessions": {"session_id": uuid4()},
        "metadata_is_json": {"metadata": "no"},
    },
    "processing_jobs": {
        "id_is_given": {"id": NOBODY},
        "completed_at_is_not_before_started_at": {"completed_at": BEFORE},
        "progress_is_likely": {"progress": 45.0},
        "status_is_known": {"status": "strange"},
        "job_type_is_known": {"job_type": "strange"},
        "media_file_id_leads_to_media_files": {"media_file_id": uuid4()},
        "result_data_is_json": {"result_data": "{"},
    },
    "analysis_results": {
        "id_is_given": {"id": NOBODY},
        "overall_score_is_possible": {"overall_score": 100.5},
        "confidence_score_is_possible": {"confidence_score": 93.0},
        "processing_cost_usd_is_possible": {"processing_cost_usd": -1},
        "processing_cost_usd_is_likely": {"processing_cost_usd": 300},
        "sentiment_analysis_is_json": {"sentiment_analysis": "{"},
        "keywords_is_json": {"keywords": "["},
        "skills_assessment_is_json": {"skills_assessment": "x"},
        "ai_model_version_is_given": {"ai_model_version": None},
        "created_at_is_not_in_the_future": {"created_at": AHEAD},
        "session_id_leads_to_candidate_sessions": {"session_id": uuid4()},
        "interview_id_leads_to_interviews": {"interview_id": uuid4()},
    },
    "subscription_plans": {
        "id_is_given": {"id": NOBODY},
        "limits_is_json": {"limits": "interviews: 5"},
        "price_is_possible": {"price": -1},
        "billing_interval_is_known": {"billing_interval": "fortnight"},
        "features_is_json": {"features": "["},
    },
    "subscriptions": {
        "id_is_given": {"id": NOBODY, "status": "expired"},
        "current_period_end_is_not_before_current_period_start": {
            "status": "expired",
            "current_period_end": BEFORE,
        },
        "a_user_has_one_active_subscription_at_a_time": {"current_period_start": NOW},
        "an_active_subscription_is_not_long_over": {
            "current_period_start": NOW - timedelta(days=60),
            "current_period_end": NOW - timedelta(days=30),
        },
        "status_is_known": {"status": "strange"},
        "user_id_is_given": {"user_id": None},
        "user_id_leads_to_users": {"user_id": uuid4(), "status": "expired"},
        "plan_id_leads_to_subscription_plans": {"plan_id": uuid4(), "status": "expired"},
    },
    "usage_tracking": {
        "id_is_given": {"id": NOBODY},
        "count_is_possible": {"count": -3},
        "date_is_not_in_the_future": {"date": AHEAD.date()},
        "resource_type_is_known": {"resource_type": "strange"},
        "user_id_is_given": {"user_id": None},
        "user_id_leads_to_users": {"user_id": uuid4()},
        "subscription_id_leads_to_subscriptions": {"subscription_id": uuid4()},
        "metadata_is_json": {"metadata": "{"},
    },
}


@pytest.fixture
def landed(warehouse: Warehouse) -> Landed:
    """A good row in every table that has a suite."""
    made = Landed(warehouse)
    made.good()
    return made
