-- The product marks a session as abandoned or leaves it in progress for good; what nobody has
-- touched for `abandoned_after_hours` counts as abandoned either way.
with
answers as (
    select
        assumeNotNull(session_id) as session_id,
        count() as response_count,
        uniqExact(question_id) as answered_question_count,
        groupUniqArray(question_id) as answered_question_ids,
        min(recorded_at) as first_answer_at,
        max(recorded_at) as last_answer_at,
        sum(ifNull(duration_seconds, 0)) as answered_seconds
    from {{ ref('stg_oltp__candidate_responses') }}
    where session_id is not null
    group by session_id
),

questions as (
    select
        assumeNotNull(interview_id) as interview_id,
        count() as question_count,
        arraySort(groupArray((order_index, question_id))) as in_order
    from {{ ref('stg_oltp__questions') }}
    where interview_id is not null
    group by interview_id
),

sessions as (
    select
        sessions.session_id as session_id,
        sessions.interview_id as interview_id,
        interviews.user_id as user_id,
        if(ifNull(sessions.candidate_email, '') = '', '', hex(sipHash128(lower(assumeNotNull(sessions.candidate_email))))) as candidate_key,
        sessions.session_status as session_status,
        sessions.started_at as started_at,
        sessions.completed_at as completed_at,
        answers.response_count as response_count,
        questions.question_count as question_count,
        answers.answered_question_count as answered_question_count,
        answers.first_answer_at as first_answer_at,
        answers.last_answer_at as last_answer_at,
        answers.answered_seconds as answered_seconds,
        ifNull(answers.last_answer_at, sessions.started_at) as last_activity_at,
        arrayFirst(question -> not has(answers.answered_question_ids, question.2), questions.in_order) as next_question
    from {{ ref('stg_oltp__candidate_sessions') }} as sessions
    left join {{ ref('stg_oltp__interviews') }} as interviews on interviews.interview_id = sessions.interview_id
    left join answers on answers.session_id = sessions.session_id
    left join questions on questions.interview_id = sessions.interview_id
),

told as (
    select
        *,
        multiIf(
            completed_at is not null, 'completed',
            session_status = 'abandoned' or last_activity_at < {{ given_up_before() }}, 'abandoned',
            'in_progress'
        ) as outcome
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
    if(outcome = 'abandoned' and question_count > answered_question_count, next_question.2, null) as drop_off_question_id,
    if(outcome = 'abandoned' and question_count > answered_question_count, next_question.1, null) as drop_off_order_index
from told
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
