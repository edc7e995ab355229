with
{{ candidate_sessions() }},

told as (
    select *, {{ outcome_of_session(given_up_before()) }} as outcome
    from sessions
)

select
    session_id,
    interview_id,
    user_id,
    candidate_key,
    session_status,
    outcome,
    toBool(outcome = 'completed') as is_completed,
    toBool(outcome = 'abandoned') as is_abandoned,
    started_at,
    first_answer_at,
    last_answer_at,
    completed_at,
    if(outcome = 'abandoned', last_activity_at, null) as abandoned_at,
    cast(dateDiff('second', started_at, completed_at) as Nullable(Int64)) as duration_seconds,
    cast(dateDiff('second', started_at, first_answer_at) as Nullable(Int64)) as start_to_first_answer_seconds,
    cast(dateDiff('second', first_answer_at, completed_at) as Nullable(Int64)) as first_answer_to_completion_seconds,
    cast(dateDiff('second', started_at, abandoned_at) as Nullable(Int64)) as start_to_abandonment_seconds,
    response_count,
    question_count,
    answered_question_count,
    toInt64(answered_seconds) as answered_seconds,
    if(outcome = 'abandoned' and is_question_left, next_question.2, null) as drop_off_question_id,
    if(outcome = 'abandoned' and is_question_left, next_question.1, null) as drop_off_order_index
from told
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
