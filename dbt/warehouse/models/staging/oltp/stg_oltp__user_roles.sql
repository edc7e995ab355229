select
    cast(user_roles.user_id as UUID) as user_id,
    cast(user_roles.role_id as UUID) as role_id,
    cast(user_roles.assigned_at as Nullable(DateTime64(6, 'UTC'))) as assigned_at
from {{ source('oltp', 'user_roles') }} as user_roles
