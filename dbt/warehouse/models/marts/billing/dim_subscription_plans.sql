select
    plan_id,
    plan_name,
    price,
    currency,
    billing_interval,
    JSONExtract(limits_json, 'interviews', 'Nullable(UInt64)') as interviews_limit_count,
    JSONExtract(limits_json, 'analysis', 'Nullable(UInt64)') as analysis_limit_count,
    JSONExtract(limits_json, 'storage', 'Nullable(UInt64)') as storage_limit_mebibytes,
    is_active,
    created_at
from {{ ref('stg_oltp__subscription_plans') }}
