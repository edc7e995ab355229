-- Each month is judged by the subscription in force in it: of those that had begun before
-- the month ended and had not ended before it began, the one that began last.
-- Not among the other intermediate models: it stands between two rollups.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
used as (
    select
        toStartOfMonth(date) as month,
        user_id,
        resource_type,
        sum(used_count) as used_count
    from {{ ref('rollup_usage_daily') }}
    group by month, user_id, resource_type
),

subscriptions as (
    select
        subscription_id,
        assumeNotNull(user_id) as user_id,
        plan_id,
        least(ifNull(created_at, current_period_start), current_period_start) as began_at,
        if(subscription_status = 'active', null, current_period_end) as ended_at
    from {{ ref('stg_oltp__subscriptions') }}
    where user_id is not null
),

in_force as (
    select
        customer_months.month as month,
        customer_months.user_id as user_id,
        argMax(subscriptions.plan_id, (subscriptions.began_at, subscriptions.subscription_id)) as plan_id
    from (select distinct month, user_id from used) as customer_months
    inner join subscriptions on subscriptions.user_id = customer_months.user_id
    where subscriptions.began_at < addMonths(customer_months.month, 1)
        and (subscriptions.ended_at is null or subscriptions.ended_at > customer_months.month)
    group by month, user_id
),

limited as (
    select
        used.month as month,
        used.user_id as user_id,
        used.resource_type as resource_type,
        used.used_count as used_count,
        if(plans.plan_name = '', 'none', plans.plan_name) as plan_name,
        JSONExtract(plans.limits_json, used.resource_type, 'Nullable(UInt64)') as limit_count
    from used
    left join in_force on in_force.month = used.month and in_force.user_id = used.user_id
    left join {{ ref('stg_oltp__subscription_plans') }} as plans on plans.plan_id = in_force.plan_id
)

select
    month,
    user_id,
    resource_type,
    used_count,
    plan_name,
    limit_count,
    if(limit_count is null or used_count <= limit_count, 0, used_count - assumeNotNull(limit_count)) as overage_count
from limited
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
