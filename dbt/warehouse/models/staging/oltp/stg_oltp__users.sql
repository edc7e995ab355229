select
    cast(users.id as UUID) as user_id,
    cast(users.email as String) as email,
    cast(users.full_name as Nullable(String)) as full_name,
    cast(users.company_name as Nullable(String)) as company_name,
    cast(users.phone as Nullable(String)) as phone,
    cast(users.status as Nullable(String)) as user_status,
    cast(users.email_verified as Nullable(Bool)) as is_email_verified,
    cast(users.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at,
    cast(users.updated_at as Nullable(DateTime64(6, 'UTC'))) as updated_at
from {{ source('oltp', 'users') }} as users
where {{ without_quarantined('users', 'users.id') }}
