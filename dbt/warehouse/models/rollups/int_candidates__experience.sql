-- How the sessions of an interview went, by the day they began, and at which question most of the
-- candidates who gave up did; of several the one that comes first.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
dropped as (
    select
        date,
        interview_id,
        argMax((question_id, order_index, dropped_count), (dropped_count, -order_index)) as most
    from (
        select
            date,
            interview_id,
            assumeNotNull(drop_off_question_id) as question_id,
            assumeNotNull(drop_off_order_index) as order_index,
            count() as dropped_count
        from {{ ref('int_candidates__sessions') }}
        where drop_off_question_id is not null
        group by date, interview_id, question_id, order_index
    )
    group by date, interview_id
),

sessions as (
    select
        date,
        interview_id,
        any(user_id) as user_id,
        count() as session_count,
        countIf(is_completed) as completed_count,
        countIf(is_abandoned) as abandoned_count,
        toUInt64(sum(duration_seconds)) as completed_seconds_total
    from {{ ref('int_candidates__sessions') }}
    group by date, interview_id
)

select
    sessions.date as date,
    sessions.interview_id as interview_id,
    sessions.user_id as user_id,
    sessions.session_count as session_count,
    sessions.completed_count as completed_count,
    sessions.abandoned_count as abandoned_count,
    if(completed_count + abandoned_count = 0, null, completed_count / (completed_count + abandoned_count)) as completion_ratio,
    sessions.completed_seconds_total as completed_seconds_total,
    if(tupleElement(dropped.most, 3) = 0, null, tupleElement(dropped.most, 1)) as drop_off_question_id,
    if(tupleElement(dropped.most, 3) = 0, null, tupleElement(dropped.most, 2)) as drop_off_order_index,
    tupleElement(dropped.most, 3) as drop_off_count
from sessions
left join dropped on dropped.date = sessions.date and dropped.interview_id = sessions.interview_id
settings join_use_nulls = 0
