-- What has happened in each session, without looking at the clock: what is given up by now is said by
-- int_candidates__sessions. A session is made anew with itself, its answers, its interview and the
-- questions of that.
{{ config(
    materialized='kept_rows',
    schema='staging',
    contract={'enforced': false},
    key='session_id',
    followed={
        'candidate_sessions': ['id'],
        'candidate_responses': ['id', 'session_id'],
        'questions': ['id', 'interview_id'],
        'interviews': ['id'],
    },
    has_made_of=true,
    partition_by='date',
    order_by=['date', 'interview_id', 'session_id'],
) }}
-- depends_on: {{ ref('int_landed') }}
with
{{ candidate_sessions(among=changed_keys('session_id')) }}

select
    toDate(assumeNotNull(sessions.started_at), 'UTC') as date,
    session_id,
    interview_id,
    user_id,
    toLowCardinality(ifNull(session_status, '')) as session_status,
    assumeNotNull(sessions.started_at) as started_at,
    completed_at,
    assumeNotNull(last_activity_at) as last_activity_at,
    response_count,
    if(is_question_left, next_question.2, null) as next_question_id,
    if(is_question_left, next_question.1, null) as next_order_index,
    greatest(ifNull(dateDiff('second', started_at, first_answer_at), 0), 0) as start_to_first_answer_seconds,
    greatest(ifNull(dateDiff('second', started_at, completed_at), 0), 0) as duration_seconds,
    arrayConcat([interview_id], response_ids, questions_in_order.2) as made_of
from sessions
where sessions.started_at is not null
settings join_use_nulls = 0, optimize_move_to_prewhere_if_final = 1
