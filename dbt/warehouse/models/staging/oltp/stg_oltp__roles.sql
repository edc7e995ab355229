select
    cast(roles.id as UUID) as role_id,
    cast(roles.name as String) as role_name,
    cast(roles.permissions as String) as permissions_json,
    cast(roles.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at
from {{ source('oltp', 'roles') }} as roles
