-- What each customer may use this month and has used: the active subscription that began last,
-- its plan's limits, and the ledger. A limit that is absent or null is unlimited.
with
active_subscriptions as (
    select distinct on (user_id)
        user_id,
        id as subscription_id,
        plan_id,
        current_period_start,
        current_period_end
    from {{ source('postgres', 'subscriptions') }}
    where status = 'active' and user_id is not null
    order by user_id, current_period_start desc, id
),

resources as (
    select resource_type
    from (values ('interviews'), ('analysis'), ('storage')) as metered (resource_type)
),

used_this_month as (
    select user_id, resource_type, sum(count) as used_count
    from {{ source('postgres', 'usage_tracking') }}
    where date >= date_trunc('month', now() at time zone 'UTC')::date
    group by user_id, resource_type
)

select
    active_subscriptions.user_id,
    resources.resource_type::text as resource_type,
    active_subscriptions.subscription_id,
    plans.name::text as plan_name,
    (plans.limits ->> resources.resource_type)::bigint as limit_count,
    coalesce(used_this_month.used_count, 0)::bigint as used_count,
    active_subscriptions.current_period_start,
    active_subscriptions.current_period_end
from active_subscriptions
cross join resources
inner join {{ source('postgres', 'subscription_plans') }} as plans
    on plans.id = active_subscriptions.plan_id
left join used_this_month
    on used_this_month.user_id = active_subscriptions.user_id
    and used_this_month.resource_type = resources.resource_type
