-- A customer's interviews, the newest first, from after the row that a cursor names.
SELECT
    overview.interview_id,
    overview.title,
    overview.interview_status,
    overview.question_count,
    overview.session_count,
    overview.completed_session_count,
    overview.response_count,
    overview.last_started_at,
    interviews.created_at,
    coalesce(interviews.created_at, '1970-01-01Z'::timestamptz) AS sorted_at
FROM operational.interview_overview AS overview
INNER JOIN interviews ON interviews.id = overview.interview_id
WHERE overview.user_id = %(user_id)s
    AND (%(status)s::text IS NULL OR overview.interview_status = %(status)s)
    AND (%(created_from)s::timestamptz IS NULL OR interviews.created_at >= %(created_from)s)
    AND (%(created_until)s::timestamptz IS NULL OR interviews.created_at < %(created_until)s)
    AND (%(sessions_from)s::bigint IS NULL OR overview.session_count >= %(sessions_from)s)
    AND (
        %(after_created_at)s::timestamptz IS NULL
        OR (coalesce(interviews.created_at, '1970-01-01Z'::timestamptz), overview.interview_id)
            < (%(after_created_at)s, %(after_id)s::uuid)
    )
ORDER BY sorted_at DESC, overview.interview_id DESC
LIMIT %(row_limit)s
