SELECT
    candidate_sessions.interview_id,
    candidate_sessions.status,
    interviews.created_by AS user_id
FROM candidate_sessions
INNER JOIN interviews ON interviews.id = candidate_sessions.interview_id
WHERE candidate_sessions.id = %(session_id)s
