-- The live view counted each event exactly once while it landed.
select
    date,
    user_id,
    event_type,
    sum(raw_event_count) as raw_event_count,
    sum(live_event_count) as live_event_count
from (
    select
        date,
        user_id,
        event_type,
        toInt64(uniqExact(event_id)) as raw_event_count,
        toInt64(0) as live_event_count
    from {{ ref('stg_events__user_events') }}
    group by date, user_id, event_type
    union all
    select
        date,
        user_id,
        event_type,
        toInt64(0) as raw_event_count,
        toInt64(sum(event_count)) as live_event_count
    from {{ ref('stg_events__daily_user_activity') }}
    group by date, user_id, event_type
)
group by date, user_id, event_type
having raw_event_count != live_event_count
