-- Each day, user and resource is there once, with what was used, and the month adds up to it.
select date, user_id, resource_type, sum(daily) as daily_count, sum(limited) as limited_count
from (
    select date, user_id, resource_type, toInt64(used_count) as daily, toInt64(0) as limited
    from {{ ref('rollup_usage_daily') }}
    union all
    select date, user_id, resource_type, toInt64(0), toInt64(used_count)
    from {{ ref('rollup_usage_against_limits_daily') }}
)
group by date, user_id, resource_type
having daily_count != limited_count
