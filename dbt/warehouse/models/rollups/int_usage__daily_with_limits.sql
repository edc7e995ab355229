-- A month's use adds up day by day, and each day is judged by the limit in force on it: a limit
-- that is raised on the 20th does not undo what was over it on the 19th.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
used as (
    select
        date,
        user_id,
        toString(resource_type) as resource_type,
        used_count,
        sum(used_count) over (
            partition by user_id, resource_type, toStartOfMonth(date) order by date
        ) as used_in_month_count
    from {{ ref('rollup_usage_daily') }}
),

in_force as (
    select
        used.date as date,
        used.user_id as user_id,
        used.resource_type as resource_type,
        any(limits.plan_name) as plan_name,
        any(limits.limit_count) as limit_count
    from used
    inner join {{ ref('int_usage__limits_in_force') }} as limits
        on limits.user_id = used.user_id and limits.resource_type = used.resource_type
    where limits.valid_from_date <= used.date and used.date < limits.valid_until_date
    group by date, user_id, resource_type
)

select
    used.date as date,
    used.user_id as user_id,
    used.resource_type as resource_type,
    used.used_count as used_count,
    used.used_in_month_count as used_in_month_count,
    if(in_force.plan_name = '', 'none', in_force.plan_name) as plan_name,
    in_force.limit_count as limit_count,
    toUInt64(
        if(
            in_force.limit_count is null or used_in_month_count <= in_force.limit_count,
            0,
            used_in_month_count - assumeNotNull(in_force.limit_count)
        )
    ) as overage_count
from used
left join in_force
    on in_force.date = used.date
    and in_force.user_id = used.user_id
    and in_force.resource_type = used.resource_type
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
