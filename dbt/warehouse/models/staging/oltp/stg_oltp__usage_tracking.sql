select
    cast(usage_tracking.id as UUID) as usage_id,
    cast(usage_tracking.user_id as Nullable(UUID)) as user_id,
    cast(usage_tracking.subscription_id as Nullable(UUID)) as subscription_id,
    cast(usage_tracking.resource_type as String) as resource_type,
    cast(usage_tracking.count as Int32) as used_count,
    cast(usage_tracking.date as Date) as date,
    cast(usage_tracking.reset_date as Nullable(Date)) as reset_date,
    cast(usage_tracking.metadata as Nullable(String)) as metadata_json
from {{ source('oltp', 'usage_tracking') }} as usage_tracking
where {{ without_quarantined('usage_tracking', 'usage_tracking.id') }}
