-- Counted from the events themselves, not from the live view: that one counts what landed,
-- and is checked against this. The measure is kept with the events by a projection.
{{ config(
    materialized='restated_slices',
    compared_with='stg_events__user_events',
    slice='date',
    source_measure='sum(cityHash64(user_id, event_type))',
    own_slice='date',
    own_measure='sum(event_count * cityHash64(user_id, event_type))',
    own_count='sum(event_count)',
    compare_since='today() - interval 2 year',
    partition_by='date',
    order_by=['date', 'user_id', 'event_type'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    date,
    user_id,
    event_type,
    count() as event_count,
    uniqExact(session_id) as session_count,
    min(occurred_at) as first_event_at,
    max(occurred_at) as last_event_at
from {{ ref('stg_events__user_events') }}
where {{ touched_slices('date') }}
group by date, user_id, event_type
-- Beyond this the groups of a full build go to disk: of 50 million events they would take 3 GiB and
-- more, which is all that a query may have.
settings max_bytes_before_external_group_by = 500000000
