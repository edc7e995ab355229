-- What each customer may use this month and has used: the active subscription that began last,
-- its plan's limits, and the ledger.
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
    where date >= date_trunc('month', {{ this_moment() }} at time zone 'UTC')::date
    group by user_id, resource_type
),

stated as (
    select
        plans.id as plan_id,
        plans.name as plan_name,
        resources.resource_type,
        plans.limits -> resources.resource_type as stated,
        case jsonb_typeof(plans.limits -> resources.resource_type)
            when 'object' then plans.limits -> resources.resource_type -> 'limit'
            else plans.limits -> resources.resource_type
        end as number,
        case jsonb_typeof(plans.limits -> resources.resource_type)
            when 'object' then coalesce(plans.limits -> resources.resource_type ->> 'mode', 'hard')
            else 'hard'
        end as mode,
        case jsonb_typeof(plans.limits -> resources.resource_type)
            when 'object' then plans.limits -> resources.resource_type -> 'grace_percent'
        end as grace
    from {{ source('postgres', 'subscription_plans') }} as plans
    cross join resources
),

judged as (
    select
        *,
        number is null or jsonb_typeof(number) = 'null' as is_unlimited,
        jsonb_typeof(stated.stated) is distinct from 'array'
        and (number is null or jsonb_typeof(number) = 'null' or {{ is_count('number') }})
        and mode in ('hard', 'soft')
        and (grace is null or jsonb_typeof(grace) = 'null' or {{ is_count('grace') }}) as is_readable
    from stated
),

limits as (
    select
        plan_id,
        plan_name,
        resource_type,
        case
            when not is_readable then 0
            when not is_unlimited then (number #>> '{}')::bigint
        end as limit_count,
        case when is_readable then mode else 'hard' end as limit_mode,
        case when is_readable then (grace #>> '{}')::bigint end as grace_percent,
        is_readable
    from judged
),

capped as (
    select
        *,
        case
            when limit_mode = 'hard' then limit_count
            else limit_count + limit_count * grace_percent / 100
        end as cap_count
    from limits
)

select
    active_subscriptions.user_id,
    capped.resource_type::text as resource_type,
    active_subscriptions.subscription_id,
    capped.plan_name::text as plan_name,
    capped.limit_count,
    coalesce(used_this_month.used_count, 0)::bigint as used_count,
    active_subscriptions.current_period_start,
    active_subscriptions.current_period_end,
    capped.limit_mode::text as limit_mode,
    capped.grace_percent,
    capped.cap_count,
    case
        when capped.limit_count is not null
            then greatest(capped.limit_count - coalesce(used_this_month.used_count, 0), 0)
    end::bigint as remaining_count,
    coalesce(used_this_month.used_count > capped.limit_count, false) as is_over_limit,
    capped.is_readable as is_limit_readable
from active_subscriptions
inner join capped on capped.plan_id = active_subscriptions.plan_id
left join used_this_month
    on used_this_month.user_id = active_subscriptions.user_id
    and used_this_month.resource_type = capped.resource_type
