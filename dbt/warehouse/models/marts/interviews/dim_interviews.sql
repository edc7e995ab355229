with
questions as (
    select
        assumeNotNull(interview_id) as interview_id,
        count() as question_count,
        countIf(ifNull(is_required, true)) as required_question_count
    from {{ ref('stg_oltp__questions') }}
    where interview_id is not null
    group by interview_id
)

select
    interviews.interview_id as interview_id,
    interviews.user_id as user_id,
    interviews.title as title,
    interviews.interview_status as interview_status,
    questions.question_count as question_count,
    questions.required_question_count as required_question_count,
    interviews.expires_at as expires_at,
    interviews.created_at as created_at,
    interviews.updated_at as updated_at
from {{ ref('stg_oltp__interviews') }} as interviews
left join questions on questions.interview_id = interviews.interview_id
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
