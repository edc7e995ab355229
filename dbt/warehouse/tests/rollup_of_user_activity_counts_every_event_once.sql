-- Each day, user and type has as many events in the rollup as there are distinct event ids.
select
    date,
    user_id,
    event_type,
    sum(raw_event_count) as raw_event_count,
    sum(rollup_event_count) as rollup_event_count
from (
    select
        date,
        user_id,
        event_type,
        toInt64(uniqExact(event_id)) as raw_event_count,
        toInt64(0) as rollup_event_count
    from {{ ref('stg_events__user_events') }}
    group by date, user_id, event_type
    union all
    select
        date,
        user_id,
        event_type,
        toInt64(0) as raw_event_count,
        toInt64(sum(event_count)) as rollup_event_count
    from {{ ref('rollup_user_activity_daily') }}
    where date > today() - interval 2 year
    group by date, user_id, event_type
)
group by date, user_id, event_type
having raw_event_count != rollup_event_count
