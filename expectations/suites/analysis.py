"""What must hold of captured analyses by AI models."""

from expectations.words import (
    captured,
    given,
    id_is_given,
    is_json,
    leads_to,
    not_ahead,
    some,
    typed,
    within,
)

RESULTS = captured(
    "analysis_results",
    (
        "interview_id",
        "session_id",
        "confidence_score",
        "overall_score",
        "ai_model_version",
        "processing_cost_usd",
        "created_at",
    ),
    (
        typed(
            "oltp.analysis_results",
            {
                "id": "UUID",
                "session_id": "UUID",
                "confidence_score": "Float",
                "overall_score": "Float",
                "processing_cost_usd": "Decimal",
                "created_at": "DateTime64",
            },
        ),
        id_is_given("id", "A nil id is nobody's analysis."),
        within("overall_score", 0, 100, "One score out of range moves the mean it is shown in."),
        within("confidence_score", 0, 1, "A confidence above 1 is a percentage for a share."),
        within("processing_cost_usd", 0, None, "A negative cost hides what the others cost."),
        within(
            "processing_cost_usd",
            0,
            100,
            "An analysis costs cents; a hundred dollars is a unit gone wrong, or a loop.",
            "warning",
        ),
        is_json("sentiment_analysis", "The mood of a session is read out of it."),
        is_json("keywords", "Keywords are counted out of it."),
        is_json("skills_assessment", "Skills are compared by what is read out of it."),
        given("ai_model_version", "Its cost belongs to no model."),
        not_ahead("created_at", "An analysis of tomorrow costs before its day."),
        leads_to("session_id", "candidate_sessions", "A verdict on an unknown session."),
        leads_to("interview_id", "interviews", "Its cost is no customer's."),
        some("analysis_results"),
    ),
)
