select
    question_id,
    interview_id,
    question_text,
    question_type,
    order_index,
    time_limit_seconds,
    is_required,
    created_at
from {{ ref('stg_oltp__questions') }}
