-- Made of the hours, which are kept as long.
{{ config(
    materialized='restated_slices',
    compared_with='rollup_api_health_hourly',
    slice='toDate(hour)',
    source_measure='sum(request_count * cityHash64(service_name, method, endpoint))',
    own_slice='date',
    own_measure='sum(request_count * cityHash64(service_name, method, endpoint))',
    own_count='sum(request_count)',
    partition_by='date',
    order_by=['date', 'service_name', 'method', 'endpoint'],
) }}
with
days as (
    select
        toDate(hour) as date,
        service_name,
        method,
        endpoint,
        sum(request_count) as requests,
        sum(client_error_count) as client_errors,
        sum(server_error_count) as server_errors,
        {{ merged_response_time_state('response_time_ms_state') }} as state
    from {{ ref('rollup_api_health_hourly') }}
    where {{ touched_slices('toDate(hour)') }}
    group by date, service_name, method, endpoint
)

select
    date,
    service_name,
    method,
    endpoint,
    requests as request_count,
    client_errors as client_error_count,
    server_errors as server_error_count,
    {{ response_times_of('state') }},
    state as response_time_ms_state
from days
