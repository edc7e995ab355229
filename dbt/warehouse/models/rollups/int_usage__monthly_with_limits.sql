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
        user_id,
        resource_type,
        sum(used_count) as used_count,
        arraySort(groupArray((date, used_so_far_count))) as so_far
    from days
    group by month, user_id, resource_type
),

in_force as (
    select
        used.month as month,
        used.user_id as user_id,
        used.resource_type as resource_type,
        -- In a tuple, because argMax alone passes over a null, which here means unlimited.
        argMax((limits.plan_name, limits.limit_count), limits.valid_from_date) as found
    from (select month, user_id, resource_type from used) as used
    inner join {{ ref('int_usage__limits_in_force') }} as limits
        on limits.user_id = used.user_id and limits.resource_type = used.resource_type
    where limits.valid_from_date < addMonths(used.month, 1) and limits.valid_until_date > used.month
    group by month, user_id, resource_type
),

limited as (
    select
        used.month as month,
        used.user_id as user_id,
        used.resource_type as resource_type,
        used.used_count as used_count,
        if(tupleElement(in_force.found, 1) = '', 'none', tupleElement(in_force.found, 1)) as plan_name,
        tupleElement(in_force.found, 2) as limit_count,
        arrayFirstOrNull(day -> tupleElement(day, 2) >= assumeNotNull(limit_count), used.so_far) as reached
    from used
    left join in_force
        on in_force.month = used.month
        and in_force.user_id = used.user_id
        and in_force.resource_type = used.resource_type
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
