-- Rows past the table's time to live are hidden here already: when they go is up to the merges.
select
    user_events.event_id,
    user_events.user_id,
    user_events.event_type,
    user_events.event_data as event_data_json,
    user_events.session_id,
    user_events.user_agent,
    user_events.ip_address,
    user_events.timestamp as occurred_at,
    user_events.date,
    user_events.received_at
from {{ source('analytics', 'user_events') }} as user_events
where user_events.date > today() - interval 2 YEAR
    and {{ without_quarantined('user_events', 'user_events.event_id') }}
