with
responses as (
    select assumeNotNull(session_id) as session_id, count() as response_count
    from {{ ref('stg_oltp__candidate_responses') }}
    where session_id is not null
    group by session_id
)

select
    sessions.session_id as session_id,
    sessions.interview_id as interview_id,
    interviews.user_id as user_id,
    if(ifNull(sessions.candidate_email, '') = '', '', hex(sipHash128(lower(assumeNotNull(sessions.candidate_email))))) as candidate_key,
    sessions.session_status as session_status,
    toBool(sessions.completed_at is not null) as is_completed,
    sessions.started_at as started_at,
    sessions.completed_at as completed_at,
    cast(dateDiff('second', sessions.started_at, sessions.completed_at) as Nullable(Int64)) as duration_seconds,
    responses.response_count as response_count
from {{ ref('stg_oltp__candidate_sessions') }} as sessions
left join {{ ref('stg_oltp__interviews') }} as interviews on interviews.interview_id = sessions.interview_id
left join responses on responses.session_id = sessions.session_id
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
