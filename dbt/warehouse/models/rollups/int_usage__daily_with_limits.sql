-- A month's use adds up day by day, and each day is judged by the limit in force on it: a limit
-- that is raised on the 20th does not undo what was over it on the 19th.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
used as (
    -- Who asks for some months reads these alone: the month is a column, and the window is within it.
    select
        toStartOfMonth(date) as month,
        date,
        user_id,
        toString(resource_type) as resource_type,
        used_count,
        sum(used_count) over (partition by user_id, resource_type, month order by date) as used_in_month_count
    from {{ ref('rollup_usage_daily') }}
),

limited as (
    select
        used.month as month,
        used.date as date,
        used.user_id as user_id,
        used.resource_type as resource_type,
        used.used_count as used_count,
        used.used_in_month_count as used_in_month_count,
        used.date < begun.valid_until_date as is_in_force,
        if(is_in_force, begun.plan_name, 'none') as plan_name,
        if(is_in_force, begun.limit_count, null) as limit_count
    from used
    -- The period begun last; where none was, its end is the first day there is.
    asof left join {{ ref('int_usage__limits_in_force') }} as begun
        on begun.user_id = used.user_id
        and begun.resource_type = used.resource_type
        and used.date >= begun.valid_from_date
)

select
    month,
    date,
    user_id,
    resource_type,
    used_count,
    used_in_month_count,
    plan_name,
    limit_count,
    toUInt64(
        if(limit_count is null or used_in_month_count <= limit_count, 0, used_in_month_count - assumeNotNull(limit_count))
    ) as overage_count
from limited
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
