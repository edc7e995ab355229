-- As far back as minutes are kept.
select
    date,
    service_name,
    sum(by_minute) as by_minute,
    sum(by_hour) as by_hour,
    sum(by_day) as by_day
from (
    select toDate(minute) as date, service_name, request_count as by_minute, 0 as by_hour, 0 as by_day
    from {{ ref('rollup_api_health_minutely') }}
    union all
    select toDate(hour), service_name, 0, request_count, 0
    from {{ ref('rollup_api_health_hourly') }}
    union all
    select date, service_name, 0, 0, request_count
    from {{ ref('rollup_api_health_daily') }}
)
group by date, service_name
having by_hour != by_day
    or (date > today() - {{ var('api_health_minutes_kept_days') }} and by_minute != by_hour)
