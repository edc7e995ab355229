-- The funnel from the link to the end. That a link was opened is told by an event whose session_id
-- becomes the session's when the candidate starts; who only looked has no session. A session
-- without such an event was opened when it was started: the product did not report openings then.
with
openings as (
    select
        session_id as visit_id,
        argMin(user_id, occurred_at) as user_id,
        toUUIDOrZero(argMin(JSONExtractString(event_data_json, 'interview_id'), occurred_at)) as interview_id,
        min(occurred_at) as opened_at
    from {{ ref('stg_events__user_events') }}
    where event_type = '{{ var("opening_event_type") }}'
    group by visit_id
),

visits as (
    select
        if(sessions.session_id = {{ nil_uuid() }}, openings.visit_id, sessions.session_id) as visit_id,
        if(sessions.session_id = {{ nil_uuid() }}, openings.interview_id, sessions.interview_id) as interview_id,
        if(sessions.session_id = {{ nil_uuid() }}, openings.user_id, sessions.user_id) as user_id,
        toBool(sessions.session_id != {{ nil_uuid() }}) as is_started,
        if(openings.visit_id = {{ nil_uuid() }}, null, toDateTime64(openings.opened_at, 6, 'UTC')) as reported_opening_at,
        sessions.started_at as started_at,
        sessions.first_answer_at as first_answer_at,
        sessions.completed_at as completed_at,
        sessions.abandoned_at as abandoned_at,
        sessions.outcome as outcome
    from openings
    full outer join {{ ref('fct_candidate_sessions') }} as sessions on sessions.session_id = openings.visit_id
)

select
    visit_id,
    interview_id,
    user_id,
    toBool(reported_opening_at is not null) as is_opening_reported,
    least(ifNull(reported_opening_at, started_at), ifNull(started_at, reported_opening_at)) as opened_at,
    started_at,
    first_answer_at,
    completed_at,
    abandoned_at,
    if(is_started, outcome, 'opened') as furthest_outcome,
    is_started,
    toBool(first_answer_at is not null) as is_first_answered,
    toBool(completed_at is not null) as is_completed,
    toBool(abandoned_at is not null) as is_abandoned,
    cast(dateDiff('second', opened_at, started_at) as Nullable(Int64)) as opening_to_start_seconds,
    cast(dateDiff('second', started_at, first_answer_at) as Nullable(Int64)) as start_to_first_answer_seconds,
    cast(dateDiff('second', first_answer_at, completed_at) as Nullable(Int64)) as first_answer_to_completion_seconds,
    cast(dateDiff('second', opened_at, completed_at) as Nullable(Int64)) as opening_to_completion_seconds
from visits
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
