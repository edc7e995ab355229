select
    cast(interviews.id as UUID) as interview_id,
    cast(interviews.title as String) as title,
    cast(interviews.description as Nullable(String)) as description,
    cast(interviews.created_by as UUID) as user_id,
    cast(interviews.status as Nullable(String)) as interview_status,
    cast(interviews.expires_at as Nullable(DateTime64(6, 'UTC'))) as expires_at,
    cast(interviews.settings as Nullable(String)) as settings_json,
    cast(interviews.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at,
    cast(interviews.updated_at as Nullable(DateTime64(6, 'UTC'))) as updated_at
from {{ source('oltp', 'interviews') }} as interviews
