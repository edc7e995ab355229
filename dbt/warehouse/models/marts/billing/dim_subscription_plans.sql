select
    plan_id,
    plan_name,
    price,
    currency,
    billing_interval,
    cast(if(billing_interval = 'year', price / 12, price) as Decimal(18, 4)) as monthly_price,
    JSONExtract(limits_json, 'interviews', 'Nullable(UInt64)') as interviews_limit_count,
    JSONExtract(limits_json, 'analysis', 'Nullable(UInt64)') as analysis_limit_count,
    JSONExtract(limits_json, 'storage', 'Nullable(UInt64)') as storage_limit_mebibytes,
    is_active,
    created_at
from {{ ref('stg_oltp__subscription_plans') }}
