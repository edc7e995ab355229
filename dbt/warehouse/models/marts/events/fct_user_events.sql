select
    event_id,
    user_id,
    event_type,
    session_id,
    occurred_at,
    date,
    received_at
from {{ ref('stg_events__user_events') }}
