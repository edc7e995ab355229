-- Everything of one session that has a time, in order, from after the entry that a cursor names.
-- Who the candidate is stays out of it.
WITH entries AS (
    SELECT
        started_at AS at,
        'session_started' AS kind,
        id AS subject_id,
        '{}'::jsonb AS details
    FROM candidate_sessions
    WHERE id = %(session_id)s
    UNION ALL
    SELECT completed_at, 'session_completed', id, jsonb_build_object('status', status)
    FROM candidate_sessions
    WHERE id = %(session_id)s
    UNION ALL
    SELECT
        recorded_at,
        'response_recorded',
        id,
        jsonb_build_object('question_id', question_id, 'duration_seconds', duration_seconds)
    FROM candidate_responses
    WHERE session_id = %(session_id)s
    UNION ALL
    SELECT
        created_at,
        'media_uploaded',
        id,
        jsonb_build_object(
            'status', status, 'content_type', content_type, 'file_size_bytes', file_size_bytes
        )
    FROM media_files
    WHERE session_id = %(session_id)s
    UNION ALL
    SELECT
        moments.at,
        moments.kind,
        processing_jobs.id,
        jsonb_build_object(
            'job_type', processing_jobs.job_type, 'media_file_id', processing_jobs.media_file_id
        )
    FROM media_files
    INNER JOIN processing_jobs ON processing_jobs.media_file_id = media_files.id
    CROSS JOIN LATERAL (
        VALUES
            (processing_jobs.started_at, 'job_started'),
            (
                processing_jobs.completed_at,
                CASE WHEN processing_jobs.status = 'failed' THEN 'job_failed' ELSE 'job_completed' END
            )
    ) AS moments (at, kind)
    WHERE media_files.session_id = %(session_id)s
    UNION ALL
    SELECT
        created_at,
        'analysis_completed',
        id,
        jsonb_build_object(
            'media_file_id', media_file_id,
            'overall_score', overall_score,
            'ai_model_version', ai_model_version,
            'processing_cost_usd', processing_cost_usd::text
        )
    FROM analysis_results
    WHERE session_id = %(session_id)s
)

SELECT at, kind, subject_id, details
FROM entries
WHERE at IS NOT NULL
    AND (
        %(after_at)s::timestamptz IS NULL
        OR (at, kind, subject_id) > (%(after_at)s, %(after_kind)s::text, %(after_id)s::uuid)
    )
ORDER BY at, kind, subject_id
LIMIT %(row_limit)s
