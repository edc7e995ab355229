{# The slices (day, user, type) in which `counted` has another event_count than there are distinct
   event ids. `condition` leaves out what `counted` may keep longer than the events themselves. #}
{% macro activity_counted_otherwise(counted, condition='true') %}
select
    date,
    user_id,
    event_type,
    sum(raw_event_count) as raw_event_count,
    sum(counted_event_count) as counted_event_count
from (
    select
        date,
        user_id,
        event_type,
        toInt64(uniqExact(event_id)) as raw_event_count,
        toInt64(0) as counted_event_count
    from {{ ref('stg_events__user_events') }}
    group by date, user_id, event_type
    union all
    select
        date,
        user_id,
        event_type,
        toInt64(0) as raw_event_count,
        toInt64(sum(event_count)) as counted_event_count
    from {{ counted }}
    where {{ condition }}
    group by date, user_id, event_type
)
group by date, user_id, event_type
having raw_event_count != counted_event_count
{% endmacro %}
