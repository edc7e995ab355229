-- Restated by the day, kept by the hour. Percentiles are exact: a day is small enough.
{{ config(
    materialized='restated_slices',
    compared_with='stg_events__api_metrics',
    slice='date',
    source_measure='count()',
    own_slice='toDate(hour)',
    own_measure='sum(request_count)',
    own_count='sum(request_count)',
    restate_since='today() - interval 6 month',
    partition_by='toDate(hour)',
    order_by=['hour', 'service_name', 'method', 'endpoint'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    toStartOfHour(toDateTime(requested_at, 'UTC')) as hour,
    service_name,
    method,
    endpoint,
    count() as request_count,
    countIf(status_code between 400 and 499) as client_error_count,
    countIf(status_code >= 500) as server_error_count,
    toFloat64(quantileExact(0.50)(response_time_ms)) as response_time_ms_p50,
    toFloat64(quantileExact(0.95)(response_time_ms)) as response_time_ms_p95,
    toFloat64(quantileExact(0.99)(response_time_ms)) as response_time_ms_p99
from {{ ref('stg_events__api_metrics') }}
where {{ touched_slices('date') }}
group by hour, service_name, method, endpoint
