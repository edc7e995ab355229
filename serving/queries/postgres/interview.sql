-- An interview with its questions, as the cache keeps it.
SELECT
    interviews.id,
    interviews.created_by AS user_id,
    interviews.title,
    interviews.description,
    interviews.status,
    interviews.expires_at,
    interviews.settings,
    interviews.created_at,
    interviews.updated_at,
    coalesce(asked.questions, '[]'::jsonb) AS questions
FROM interviews
LEFT JOIN LATERAL (
    SELECT jsonb_agg(
        jsonb_build_object(
            'id', questions.id,
            'text', questions.text,
            'type', questions.type,
            'order_index', questions.order_index,
            'time_limit_seconds', questions.time_limit_seconds,
            'is_required', questions.is_required
        )
        ORDER BY questions.order_index, questions.id
    ) AS questions
    FROM questions
    WHERE questions.interview_id = interviews.id
) AS asked ON true
WHERE interviews.id = %(interview_id)s
