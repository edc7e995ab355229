with
roles as (
    select user_roles.user_id as user_id, arraySort(groupArray(roles.role_name)) as role_names
    from {{ ref('stg_oltp__user_roles') }} as user_roles
    inner join {{ ref('stg_oltp__roles') }} as roles on roles.role_id = user_roles.role_id
    group by user_id
),

plans as (
    select
        assumeNotNull(subscriptions.user_id) as user_id,
        argMax(plans.plan_name, subscriptions.current_period_start) as plan_name
    from {{ ref('stg_oltp__subscriptions') }} as subscriptions
    inner join {{ ref('stg_oltp__subscription_plans') }} as plans on plans.plan_id = subscriptions.plan_id
    where subscriptions.subscription_status = 'active' and subscriptions.user_id is not null
    group by user_id
)

select
    users.user_id as user_id,
    users.company_name as company_name,
    users.user_status as user_status,
    users.is_email_verified as is_email_verified,
    roles.role_names as role_names,
    if(plans.plan_name = '', 'none', plans.plan_name) as plan_name,
    users.created_at as created_at,
    users.updated_at as updated_at
from {{ ref('stg_oltp__users') }} as users
left join roles on roles.user_id = users.user_id
left join plans on plans.user_id = users.user_id
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
