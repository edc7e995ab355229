select
    cast(interview_templates.id as UUID) as interview_template_id,
    cast(interview_templates.name as String) as template_name,
    cast(interview_templates.description as Nullable(String)) as description,
    cast(interview_templates.created_by as UUID) as user_id,
    cast(interview_templates.questions as String) as questions_json,
    cast(interview_templates.is_public as Nullable(Bool)) as is_public,
    cast(interview_templates.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at
from {{ source('oltp', 'interview_templates') }} as interview_templates
