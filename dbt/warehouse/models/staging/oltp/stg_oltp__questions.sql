select
    cast(questions.id as UUID) as question_id,
    cast(questions.interview_id as Nullable(UUID)) as interview_id,
    cast(questions.text as String) as question_text,
    cast(questions.type as String) as question_type,
    cast(questions.order_index as Int32) as order_index,
    cast(questions.time_limit_seconds as Nullable(Int32)) as time_limit_seconds,
    cast(questions.is_required as Nullable(Bool)) as is_required,
    cast(questions.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at
from {{ source('oltp', 'questions') }} as questions
