-- Between the first and the last day with events: a day without any was an outage, or a holiday.
with
days as (
    select date, count() as event_count
    from {{ ref('stg_events__user_events') }}
    where date > today() - 31
    group by date
)

select
    'user_events' as source_name,
    empty_date
from (
    select arrayJoin(arrayMap(
        ahead -> first_date + ahead, range(toUInt32(last_date - first_date))
    )) as empty_date
    from (select min(date) as first_date, max(date) as last_date, count() as day_count from days)
    where day_count > 0
)
where empty_date not in (select date from days)
order by empty_date
