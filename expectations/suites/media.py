"""What must hold of captured media files and the jobs that process them."""

from expectations.words import (
    captured,
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

FILES = captured(
    "media_files",
    ("interview_id", "session_id", "content_type", "file_size_bytes", "status", "created_at"),
    (
        typed(
            "oltp.media_files",
            {
                "id": "UUID",
                "file_size_bytes": "Int64",
                "status": "String",
                "processing_started_at": "DateTime64",
                "processing_completed_at": "DateTime64",
            },
        ),
        id_is_given("id", "A nil id is nobody's file."),
        within(
            "file_size_bytes", 0, None, "A negative size makes a customer's storage look smaller."
        ),
        in_order(
            "processing_started_at",
            "processing_completed_at",
            "A negative processing time hides how slow the others are.",
        ),
        no_row(
            "file_is_below_a_tebibyte",
            "One size in the wrong unit is more than all other storage together.",
            "warning",
            "file_size_bytes > 1099511627776",
        ),
        known(
            "status",
            ("uploading", "uploaded", "processing", "processed", "failed"),
            "The backlog is counted by state; a file in one nobody has heard of is in none.",
        ),
        not_ahead("created_at", "A file of tomorrow is stored before its day."),
        leads_to("interview_id", "interviews", "Its storage is nobody's."),
        leads_to("session_id", "candidate_sessions", "A file of an unknown session is an orphan."),
        is_json("metadata", "What reads fields out of it reads nothing, and nobody hears of it."),
        some("media_files"),
    ),
)

JOBS = captured(
    "processing_jobs",
    ("media_file_id", "job_type", "status", "progress", "started_at", "completed_at"),
    (
        typed(
            "oltp.processing_jobs",
            {
                "id": "UUID",
                "progress": "Float",
                "started_at": "DateTime64",
                "completed_at": "DateTime64",
            },
        ),
        id_is_given("id", "A nil id is nobody's job."),
        in_order(
            "started_at",
            "completed_at",
            "A negative processing time hides how slow the others are.",
        ),
        within(
            "progress", 0, 1, "More than all of it done is a percentage for a share.", "warning"
        ),
        known(
            "status",
            ("pending", "running", "completed", "failed"),
            "Queues and failures are counted by state; this one would be in none.",
        ),
        known(
            "job_type",
            ("compression", "thumbnail", "transcription"),
            "Failures are shown by type; a new one needs its place there.",
        ),
        leads_to("media_file_id", "media_files", "Work on an unknown file is nobody's."),
        is_json("result_data", "What reads the result reads nothing.", "warning"),
        some("processing_jobs"),
    ),
)
