-- Sessions by the day they began, as steps that can be counted. Who gave up is told by the clock.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
told as (
    select *, {{ outcome_of_session(given_up_before()) }} as outcome
    from {{ ref('int_candidates__session_progress') }}
)

select
    date,
    user_id,
    interview_id,
    toUInt8(response_count > 0) as is_answering,
    toUInt8(outcome = 'completed') as is_completed,
    toUInt8(outcome = 'abandoned') as is_abandoned,
    if(outcome = 'abandoned', next_question_id, null) as drop_off_question_id,
    if(outcome = 'abandoned', next_order_index, null) as drop_off_order_index,
    start_to_first_answer_seconds,
    duration_seconds
from told
