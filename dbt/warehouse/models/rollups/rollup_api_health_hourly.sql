-- Compared with the requests, made of the minutes.
{{ config(
    materialized='restated_slices',
    compared_with='stg_events__api_metrics',
    slice='date',
    source_measure='sum(cityHash64(service_name, method, endpoint))',
    own_slice='toDate(hour)',
    own_measure='sum(request_count * cityHash64(service_name, method, endpoint))',
    own_count='sum(request_count)',
    compare_since='today() - interval 6 month',
    partition_by='toDate(hour)',
    order_by=['hour', 'service_name', 'method', 'endpoint'],
) }}
-- depends_on: {{ ref('stg_events__api_metrics') }}
with
hours as (
    select
        hour,
        service_name,
        method,
        endpoint,
        sum(request_count) as requests,
        sum(client_error_count) as client_errors,
        sum(server_error_count) as server_errors,
        {{ merged_response_time_state('response_time_ms_state') }} as state
    from {{ ref('int_api_health__hourly') }}
    where {{ touched_slices('date') }}
    group by hour, service_name, method, endpoint
)

select
    hour,
    service_name,
    method,
    endpoint,
    requests as request_count,
    client_errors as client_error_count,
    server_errors as server_error_count,
    {{ response_times_of('state') }},
    state as response_time_ms_state
from hours
