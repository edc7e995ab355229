select
    responses.response_id as response_id,
    responses.session_id as session_id,
    sessions.interview_id as interview_id,
    interviews.user_id as user_id,
    responses.question_id as question_id,
    questions.order_index as order_index,
    questions.question_type as question_type,
    responses.media_file_id as media_file_id,
    responses.duration_seconds as duration_seconds,
    questions.time_limit_seconds as time_limit_seconds,
    toBool(ifNull(responses.duration_seconds > questions.time_limit_seconds, false)) as is_over_time_limit,
    responses.recorded_at as recorded_at
from {{ ref('stg_oltp__candidate_responses') }} as responses
left join {{ ref('stg_oltp__candidate_sessions') }} as sessions on sessions.session_id = responses.session_id
left join {{ ref('stg_oltp__interviews') }} as interviews on interviews.interview_id = sessions.interview_id
left join {{ ref('stg_oltp__questions') }} as questions on questions.question_id = responses.question_id
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
