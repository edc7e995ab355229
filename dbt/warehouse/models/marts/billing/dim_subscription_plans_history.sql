-- Before the first snapshot only the present is known, so the first version holds from the beginning.
select
    plan_id,
    toUInt32(row_number() over (partition by plan_id order by dbt_valid_from)) as version_number,
    plan_name,
    price,
    upper(ifNull(currency, 'USD')) as currency,
    billing_interval,
    cast(if(billing_interval = 'year', price / 12, price) as Decimal(18, 4)) as monthly_price,
    {{ plan_limit('limits_json', 'interviews') }} as interviews_limit_count,
    {{ plan_limit('limits_json', 'analysis') }} as analysis_limit_count,
    {{ plan_limit('limits_json', 'storage') }} as storage_limit_mebibytes,
    is_active,
    if(version_number = 1, toDateTime64('1970-01-01 00:00:00', 6, 'UTC'), toDateTime64(dbt_valid_from, 6, 'UTC')) as valid_from,
    toDateTime64(dbt_valid_to, 6, 'UTC') as valid_until,
    toBool(dbt_valid_to is null) as is_current
from {{ ref('snap_oltp__subscription_plans') }}
