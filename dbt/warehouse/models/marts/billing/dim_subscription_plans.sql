select
    plan_id,
    plan_name,
    price,
    currency,
    billing_interval,
    cast(if(billing_interval = 'year', price / 12, price) as Decimal(18, 4)) as monthly_price,
    {{ plan_limit('limits_json', 'interviews') }} as interviews_limit_count,
    {{ plan_limit('limits_json', 'analysis') }} as analysis_limit_count,
    {{ plan_limit('limits_json', 'storage') }} as storage_limit_mebibytes,
    is_active,
    created_at
from {{ ref('stg_oltp__subscription_plans') }}
