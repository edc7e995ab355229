select
    interview_template_id,
    user_id,
    template_name,
    is_public,
    created_at
from {{ ref('stg_oltp__interview_templates') }}
