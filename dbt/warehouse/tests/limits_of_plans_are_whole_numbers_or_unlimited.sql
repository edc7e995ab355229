-- A limit that cannot be read allows nothing, which its customers will notice first.
select
    plan_id,
    plan_name,
    limit.1 as resource_type,
    limit.2 as limit_json
from {{ ref('stg_oltp__subscription_plans') }}
array join arrayFilter(
    stated -> stated.1 in ('interviews', 'analysis', 'storage'), JSONExtractKeysAndValuesRaw(limits_json)
) as limit
where not match(if(JSONType(limit.2) = 'Object', JSONExtractRaw(limit.2, 'limit'), limit.2), '^([0-9]+|null|)$')
