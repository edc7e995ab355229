-- Each month is judged by the limits in force in it: of the periods of the customer that reach into
-- it, the last. Not among the other intermediate models: it stands between two rollups.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
days as (
    select
        toStartOfMonth(date) as month,
        date,
        user_id,
        toString(resource_type) as resource_type,
        used_count,
        sum(used_count) over (
            partition by user_id, resource_type, toStartOfMonth(date) order by date
        ) as used_so_far_count
    from {{ ref('rollup_usage_daily') }}
),

used as (
    select
        month,
        addMonths(month, 1) - 1 as last_day,
        user_id,
        resource_type,
        sum(used_count) as used_count,
        arraySort(groupArray((date, used_so_far_count))) as so_far
    from days
    group by month, user_id, resource_type
),

limited as (
    select
        used.month as month,
        used.user_id as user_id,
        used.resource_type as resource_type,
        used.used_count as used_count,
        begun.valid_until_date > used.month as is_in_force,
        if(is_in_force, begun.plan_name, 'none') as plan_name,
        if(is_in_force, begun.limit_count, null) as limit_count,
        arrayFirstOrNull(day -> tupleElement(day, 2) >= assumeNotNull(limit_count), used.so_far) as reached
    from used
    -- The period begun last; where none was, its end is the first day there is.
    asof left join {{ ref('int_usage__limits_in_force') }} as begun
        on begun.user_id = used.user_id
        and begun.resource_type = used.resource_type
        and used.last_day >= begun.valid_from_date
)

select
    month,
    user_id,
    resource_type,
    used_count,
    plan_name,
    limit_count,
    toUInt64(if(limit_count is null or used_count <= limit_count, 0, used_count - assumeNotNull(limit_count))) as overage_count,
    if(limit_count is null, null, tupleElement(reached, 1)) as exhausted_on,
    if(limit_count is null, null, {{ projected_exhaustion('used_count', 'assumeNotNull(limit_count)', 'month', present_day()) }}) as projected_exhaustion_on
from limited
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
