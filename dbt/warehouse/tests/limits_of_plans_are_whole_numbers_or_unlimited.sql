-- A limit that is not a whole number would read as null, which means unlimited.
select
    plan_id,
    plan_name,
    limit.1 as resource_type,
    limit.2 as limit_json
from {{ ref('stg_oltp__subscription_plans') }}
array join JSONExtractKeysAndValuesRaw(limits_json) as limit
where limit.2 != 'null' and not match(limit.2, '^[0-9]+$')
