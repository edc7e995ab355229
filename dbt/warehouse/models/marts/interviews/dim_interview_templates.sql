select
    interview_template_id,
    user_id,
    template_name,
    toUInt64(JSONLength(questions_json)) as question_count,
    is_public,
    created_at
from {{ ref('stg_oltp__interview_templates') }}
