"""What must hold of events as they landed from the bus.

Belongs here: the three event tables. The API refuses most of this already; what comes by another
way, or through a mistake of ours, is found here.
"""

from expectations.suite import Expectation
from expectations.words import (
    NO_UUID,
    events,
    id_is_given,
    leads_to,
    like_a_week_before,
    no_day_without,
    no_row,
    some,
    typed,
    unique,
)

_UNIQUE = "A repeated id counts twice in everything that is built on this."
_ID = "Without an id of its own a resent event cannot be recognised."
_TIMES = {"timestamp": "DateTime64", "date": "Date", "received_at": "DateTime64"}


def _timely() -> tuple[Expectation, Expectation]:
    return (
        no_row(
            "date_is_the_day_of_the_timestamp",
            "Rollups are restated by date; a row under another day would be missed there.",
            "severe",
            "date != toDate(timestamp)",
        ),
        no_row(
            "timestamp_is_not_in_the_future",
            "An event of tomorrow stands on the dashboard before its day has come.",
            "severe",
            "timestamp > received_at + INTERVAL 1 DAY",
        ),
    )


def _user(why: str) -> Expectation:
    known = f"user_id = {NO_UUID} OR user_id IN (SELECT id FROM oltp.users)"
    return no_row("user_id_leads_to_users", why, "warning", f"NOT ({known})")


USER_EVENTS = events(
    "user_events",
    "event_id",
    ("event_type", "timestamp", "date", "received_at"),
    (
        typed(
            "analytics.user_events",
            {"event_id": "UUID", "user_id": "UUID", "event_type": "String", "event_data": "String"}
            | _TIMES,
        ),
        unique("event_id", _UNIQUE),
        id_is_given("event_id", _ID),
        no_row(
            "event_type_is_a_plain_name",
            "Charts are drawn by type; a free text in its place would be a line of its own.",
            "severe",
            "NOT match(event_type, '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$')",
        ),
        *_timely(),
        no_row(
            "event_data_is_a_json_object",
            "Readers take fields out of it; anything else reads as empty.",
            "severe",
            "JSONType(event_data) != 'Object'",
        ),
        no_row(
            "session_is_given",
            "Visits are counted by session; events without one fall into a single visit.",
            "warning",
            f"session_id = {NO_UUID}",
        ),
        _user("Activity of an unknown user is in the totals and in no customer's numbers."),
        Expectation(
            "there_are_few_types_of_events",
            "A type per user or page means that a sender put an identifier into the type.",
            "warning",
            "ExpectColumnUniqueValueCountToBeBetween",
            {"column": "event_type", "max_value": 200},
        ),
        some("user_events"),
        no_day_without("analytics.user_events"),
        like_a_week_before("analytics.user_events"),
    ),
)

INTERVIEW_METRICS = events(
    "interview_metrics",
    "metric_id",
    ("metric_name", "metric_value", "timestamp", "date", "received_at"),
    (
        typed(
            "analytics.interview_metrics",
            {"metric_id": "UUID", "interview_id": "UUID", "metric_value": "Float64"} | _TIMES,
        ),
        unique("metric_id", _UNIQUE),
        id_is_given("metric_id", _ID),
        id_is_given("interview_id", "A measurement of no interview cannot be shown on any."),
        no_row(
            "metric_name_is_a_plain_name",
            "Metrics are found by their name; an empty or free one is never found.",
            "severe",
            "NOT match(metric_name, '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$')",
        ),
        no_row(
            "metric_value_is_a_number",
            "One NaN or infinite value makes every mean and sum over it the same.",
            "severe",
            "NOT isFinite(metric_value)",
        ),
        *_timely(),
        leads_to(
            "interview_id",
            "interviews",
            "A measurement of an unknown interview belongs to no customer.",
        ),
        Expectation(
            "there_are_few_metrics",
            "A name per user or interview means that a sender put an identifier into the name.",
            "warning",
            "ExpectColumnUniqueValueCountToBeBetween",
            {"column": "metric_name", "max_value": 200},
        ),
        some("interview_metrics"),
        like_a_week_before("analytics.interview_metrics"),
    ),
)

API_METRICS = events(
    "api_metrics",
    "request_id",
    ("method", "status_code", "response_time_ms", "service_name", "timestamp", "received_at"),
    (
        typed(
            "analytics.api_metrics",
            {
                "request_id": "UUID",
                "endpoint": "String",
                "status_code": "UInt",
                "response_time_ms": "UInt",
            }
            | _TIMES,
        ),
        unique("request_id", _UNIQUE),
        id_is_given("request_id", _ID),
        no_row(
            "status_code_is_one_of_http",
            "A status outside 100 to 599 is neither a success nor an error in any rate.",
            "severe",
            "NOT (status_code BETWEEN 100 AND 599)",
        ),
        *_timely(),
        no_row(
            "response_time_is_below_an_hour",
            "No client waits for an hour: seconds or microseconds were sent for milliseconds, and"
            " percentiles and means jump.",
            "warning",
            "response_time_ms > 3600000",
        ),
        no_row(
            "endpoint_is_a_path_without_ids",
            "Health is shown by endpoint; with an id in it each request is one of its own.",
            "warning",
            "match(endpoint, '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-') OR match(endpoint, '[?#]')",
        ),
        some("api_metrics"),
        like_a_week_before("analytics.api_metrics"),
    ),
)
