select
    usage_id,
    ifNull(user_id, toUUID('00000000-0000-0000-0000-000000000000')) as user_id,
    subscription_id,
    resource_type,
    used_count,
    date
from {{ ref('stg_oltp__usage_tracking') }}
