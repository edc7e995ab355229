-- Each hour and service has as many requests and errors in the rollup as there are distinct request ids.
select
    hour,
    service_name,
    sum(raw_request_count) as raw_request_count,
    sum(rollup_request_count) as rollup_request_count,
    sum(raw_error_count) as raw_error_count,
    sum(rollup_error_count) as rollup_error_count
from (
    select
        toStartOfHour(toDateTime(requested_at, 'UTC')) as hour,
        service_name,
        toInt64(uniqExact(request_id)) as raw_request_count,
        toInt64(uniqExactIf(request_id, status_code >= 400)) as raw_error_count,
        toInt64(0) as rollup_request_count,
        toInt64(0) as rollup_error_count
    from {{ ref('stg_events__api_metrics') }}
    group by hour, service_name
    union all
    select
        hour,
        service_name,
        toInt64(0) as raw_request_count,
        toInt64(0) as raw_error_count,
        toInt64(sum(request_count)) as rollup_request_count,
        toInt64(sum(client_error_count + server_error_count)) as rollup_error_count
    from {{ ref('rollup_api_health_hourly') }}
    where toDate(hour) > today() - interval 6 month
    group by hour, service_name
)
group by hour, service_name
having raw_request_count != rollup_request_count
    or raw_error_count != rollup_error_count
