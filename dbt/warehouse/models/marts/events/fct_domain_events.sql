select
    domain_event_id,
    aggregate_id,
    aggregate_type,
    event_type,
    aggregate_version,
    occurred_at
from {{ ref('stg_oltp__event_store') }}
