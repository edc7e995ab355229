-- Each day has the very sessions that PostgreSQL has, as far as their answers and questions go.
with
{{ candidate_sessions() }},

captured as (
    select
        toDate(assumeNotNull(sessions.started_at), 'UTC') as date,
        session_id,
        interview_id,
        user_id,
        ifNull(session_status, '') as session_status,
        started_at,
        completed_at,
        last_activity_at,
        response_count,
        if(is_question_left, next_question.2, null) as next_question_id
    from sessions
    where sessions.started_at is not null
)

{{ days_that_differ('captured', ref('int_candidates__session_progress'), [
    'session_id', 'interview_id', 'user_id', 'session_status', 'started_at', 'completed_at', 'last_activity_at', 'response_count', 'next_question_id',
]) }}
settings join_use_nulls = 0
