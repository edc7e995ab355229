-- Each month, user and resource has the same amount by month as by day.
select
    month,
    user_id,
    resource_type,
    sum(daily_used_count) as daily_used_count,
    sum(monthly_used_count) as monthly_used_count
from (
    select
        toStartOfMonth(date) as month,
        user_id,
        resource_type,
        toInt64(sum(used_count)) as daily_used_count,
        toInt64(0) as monthly_used_count
    from {{ ref('rollup_usage_daily') }}
    group by month, user_id, resource_type
    union all
    select
        month,
        user_id,
        resource_type,
        toInt64(0) as daily_used_count,
        toInt64(sum(used_count)) as monthly_used_count
    from {{ ref('rollup_usage_monthly') }}
    group by month, user_id, resource_type
)
group by month, user_id, resource_type
having daily_used_count != monthly_used_count
