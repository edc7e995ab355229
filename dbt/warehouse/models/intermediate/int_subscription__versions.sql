-- Each version of a subscription with the time that it was in force: while the product said so,
-- and within what the subscription itself says of its beginning and end. Before the first
-- snapshot only the present is known, so the first version holds from the beginning.
{{ config(materialized='view') }}
with
versions as (
    select
        subscription_id,
        assumeNotNull(user_id) as user_id,
        plan_id,
        subscription_status,
        least(ifNull(created_at, current_period_start), current_period_start) as begun_at,
        if(subscription_status = 'active', null, current_period_end) as over_at,
        toDateTime64(dbt_valid_from, 6, 'UTC') as seen_from,
        toDateTime64(dbt_valid_to, 6, 'UTC') as seen_until,
        row_number() over (partition by subscription_id order by dbt_valid_from) as version_number
    from {{ ref('snap_oltp__subscriptions') }}
    where user_id is not null
        and subscription_id in (select subscription_id from {{ ref('stg_oltp__subscriptions') }})
)

select
    subscription_id,
    user_id,
    plan_id,
    subscription_status,
    version_number,
    min(begun_at) over (partition by subscription_id) as subscription_began_at,
    if(version_number = 1, begun_at, greatest(begun_at, seen_from)) as in_force_from,
    least(
        ifNull(over_at, {{ open_end() }}),
        ifNull(seen_until, {{ open_end() }})
    ) as in_force_until
from versions
where in_force_from < in_force_until
