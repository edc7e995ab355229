-- What a candidate may see of the interview behind a public link. A draft has no public link.
SELECT
    interviews.title,
    interviews.description,
    interviews.status,
    interviews.expires_at,
    coalesce(interviews.expires_at <= now(), false) AS is_expired,
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
WHERE interviews.public_link_token = %(token)s AND interviews.status <> 'draft'
