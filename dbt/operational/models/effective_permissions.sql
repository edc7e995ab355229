-- What each user may do by all of their roles together. A role's JSON gives a resource `read` or
-- `write`, which includes reading, and may list `scopes` outright; anything else gives nothing.
with
stated as (
    select
        user_roles.user_id,
        roles.name::text as role_name,
        given.key as name,
        given.value as access
    from {{ source('postgres', 'user_roles') }} as user_roles
    inner join {{ source('postgres', 'roles') }} as roles on roles.id = user_roles.role_id
    cross join lateral jsonb_each(
        case when jsonb_typeof(roles.permissions) = 'object' then roles.permissions else '{}'::jsonb end
    ) as given
),

granted as (
    select user_id, role_name, name as resource_name, accesses.access
    from stated
    inner join (
        values ('read', 'read'), ('write', 'read'), ('write', 'write')
    ) as accesses (stated_access, access) on accesses.stated_access = stated.access #>> '{}'
    union
    select user_id, role_name, split_part(scope, ':', 1), coalesce(nullif(split_part(scope, ':', 2), ''), 'granted')
    from stated
    cross join lateral jsonb_array_elements_text(
        case when jsonb_typeof(stated.access) = 'array' then stated.access else '[]'::jsonb end
    ) as scopes (scope)
    where stated.name = 'scopes'
)

select
    granted.user_id,
    granted.resource_name::text as resource_name,
    granted.access::text as access,
    array_agg(distinct granted.role_name order by granted.role_name) as role_names,
    coalesce(users.status = 'active', false) as is_account_active
from granted
inner join {{ source('postgres', 'users') }} as users on users.id = granted.user_id
group by granted.user_id, granted.resource_name, granted.access, users.status
