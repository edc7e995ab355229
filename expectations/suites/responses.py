"""What must hold of captured sessions and answers of candidates."""

from expectations.words import (
    captured,
    given,
    id_is_given,
    in_order,
    is_json,
    known,
    leads_to,
    no_row,
    not_ahead,
    some,
    typed,
    within,
)

_METADATA = "What reads fields out of it reads nothing, and nobody hears of it."

SESSIONS = captured(
    "candidate_sessions",
    ("interview_id", "status", "started_at", "completed_at"),
    (
        typed(
            "oltp.candidate_sessions",
            {
                "id": "UUID",
                "interview_id": "UUID",
                "status": "String",
                "started_at": "DateTime64",
                "completed_at": "DateTime64",
            },
        ),
        id_is_given("id", "Answers without a session would all become this one's."),
        in_order(
            "started_at",
            "completed_at",
            "A negative duration pulls the mean time of a session down, and nobody sees which.",
        ),
        no_row(
            "only_a_completed_session_has_its_end",
            "The funnel counts by the end and the list by the state; they would tell two stories.",
            "warning",
            "ifNull(status IN ('in_progress', 'abandoned'), false) AND isNotNull(completed_at)",
        ),
        known(
            "status",
            ("in_progress", "completed", "abandoned", "expired"),
            "The funnel is cut by state; a session in one nobody has heard of is in no step.",
        ),
        given("started_at", "A session without a beginning is in no day of the funnel."),
        not_ahead("started_at", "A session of tomorrow stands in the funnel before its day."),
        leads_to("interview_id", "interviews", "A session of no interview belongs to no customer."),
        is_json("metadata", _METADATA),
        some("candidate_sessions"),
    ),
)

RESPONSES = captured(
    "candidate_responses",
    ("session_id", "question_id", "media_file_id", "duration_seconds", "recorded_at"),
    (
        typed(
            "oltp.candidate_responses",
            {
                "id": "UUID",
                "session_id": "UUID",
                "question_id": "UUID",
                "duration_seconds": "Int",
                "recorded_at": "DateTime64",
            },
        ),
        id_is_given("id", "A nil id is nobody's answer."),
        within(
            "duration_seconds",
            0,
            None,
            "A negative duration shortens every sum and mean that it is in.",
        ),
        within(
            "duration_seconds",
            0,
            86400,
            "Nobody answers for a day: milliseconds were written for seconds.",
            "warning",
        ),
        not_ahead("recorded_at", "An answer of tomorrow is counted before its day."),
        leads_to("session_id", "candidate_sessions", "An answer of no session is in no funnel."),
        leads_to("question_id", "questions", "Drop-off by question misses it."),
        leads_to("media_file_id", "media_files", "Its recording cannot be found."),
        is_json("metadata", _METADATA),
        some("candidate_responses"),
    ),
)
