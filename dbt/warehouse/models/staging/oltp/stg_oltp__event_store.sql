select
    cast(event_store.id as UUID) as domain_event_id,
    cast(event_store.aggregate_id as UUID) as aggregate_id,
    cast(event_store.aggregate_type as String) as aggregate_type,
    cast(event_store.event_type as String) as event_type,
    cast(event_store.event_data as String) as event_data_json,
    cast(event_store.version as Int32) as aggregate_version,
    cast(event_store.timestamp as Nullable(DateTime64(6, 'UTC'))) as occurred_at
from {{ source('oltp', 'event_store') }} as event_store
