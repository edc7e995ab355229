-- Sessions by the day they began, as steps that can be counted.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
select
    toDate(assumeNotNull(started_at), 'UTC') as date,
    user_id,
    interview_id,
    toUInt8(response_count > 0) as is_answering,
    toUInt8(is_completed) as is_completed,
    toUInt8(is_abandoned) as is_abandoned,
    drop_off_question_id,
    drop_off_order_index,
    greatest(ifNull(start_to_first_answer_seconds, 0), 0) as start_to_first_answer_seconds,
    greatest(ifNull(duration_seconds, 0), 0) as duration_seconds
from {{ ref('fct_candidate_sessions') }}
where started_at is not null
