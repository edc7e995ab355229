-- Before the first snapshot only the present is known, so the first version holds from the beginning.
select
    subscription_id,
    toUInt32(row_number() over (partition by subscription_id order by dbt_valid_from)) as version_number,
    user_id,
    plan_id,
    subscription_status,
    current_period_start,
    current_period_end,
    is_cancelled_at_period_end,
    if(version_number = 1, toDateTime64('1970-01-01 00:00:00', 6, 'UTC'), toDateTime64(dbt_valid_from, 6, 'UTC')) as valid_from,
    toDateTime64(dbt_valid_to, 6, 'UTC') as valid_until,
    toBool(dbt_valid_to is null) as is_current
from {{ ref('snap_oltp__subscriptions') }}
