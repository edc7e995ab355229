-- Each day has the very sessions that PostgreSQL has, as far as their answers and questions go.
with
{{ candidate_sessions() }}

select date, sum(captured) as captured_count, sum(kept) as kept_count
from (
    select
        toDate(assumeNotNull(started_at), 'UTC') as date,
        1 as captured,
        0 as kept,
        cityHash64(
            session_id, interview_id, user_id, ifNull(session_status, ''), response_count, assumeNotNull(started_at),
            ifNull(completed_at, started_at), assumeNotNull(last_activity_at), if(is_question_left, next_question.2, {{ nil_uuid() }})
        ) as content
    from sessions
    where started_at is not null
    union all
    select
        date,
        0,
        1,
        cityHash64(
            session_id, interview_id, user_id, toString(session_status), response_count, started_at,
            ifNull(completed_at, started_at), last_activity_at, ifNull(next_question_id, {{ nil_uuid() }})
        )
    from {{ ref('int_candidates__session_progress') }}
)
group by date
having sumIf(content, captured = 1) != sumIf(content, kept = 1)
settings join_use_nulls = 0
