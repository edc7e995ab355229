-- Each interview with how far its candidates have come.
with
questions as (
    select interview_id, count(*) as question_count
    from {{ source('postgres', 'questions') }}
    group by interview_id
),

responses as (
    select session_id, count(*) as response_count
    from {{ source('postgres', 'candidate_responses') }}
    group by session_id
),

sessions as (
    select
        candidate_sessions.interview_id,
        count(*) as session_count,
        count(candidate_sessions.completed_at) as completed_session_count,
        sum(coalesce(responses.response_count, 0)) as response_count,
        max(candidate_sessions.started_at) as last_started_at
    from {{ source('postgres', 'candidate_sessions') }} as candidate_sessions
    left join responses on responses.session_id = candidate_sessions.id
    group by candidate_sessions.interview_id
)

select
    interviews.id as interview_id,
    interviews.created_by as user_id,
    interviews.title::text as title,
    interviews.status::text as interview_status,
    coalesce(questions.question_count, 0)::bigint as question_count,
    coalesce(sessions.session_count, 0)::bigint as session_count,
    coalesce(sessions.completed_session_count, 0)::bigint as completed_session_count,
    coalesce(sessions.response_count, 0)::bigint as response_count,
    sessions.last_started_at
from {{ source('postgres', 'interviews') }} as interviews
left join questions on questions.interview_id = interviews.id
left join sessions on sessions.interview_id = interviews.id
