-- Kept for as long as anybody looks at minutes; hours and days are made of these, and outlive them.
{{ config(
    materialized='restated_slices',
    compared_with='stg_events__api_metrics',
    slice='date',
    source_measure='sum(cityHash64(service_name, method, endpoint))',
    own_slice='toDate(minute)',
    own_measure='sum(request_count * cityHash64(service_name, method, endpoint))',
    own_count='sum(request_count)',
    drop_until='today() - ' ~ var('api_health_minutes_kept_days'),
    partition_by='toDate(minute)',
    order_by=['minute', 'service_name', 'method', 'endpoint'],
) }}
-- depends_on: {{ ref('int_landed') }}
with
minutes as (
    select
        toStartOfMinute(toDateTime(requested_at, 'UTC')) as minute,
        service_name,
        method,
        endpoint,
        count() as request_count,
        countIf(status_code between 400 and 499) as client_error_count,
        countIf(status_code >= 500) as server_error_count,
        {{ response_time_state('response_time_ms') }} as response_time_ms_state
    from {{ ref('stg_events__api_metrics') }}
    where {{ touched_slices('date') }}
    group by minute, service_name, method, endpoint
)

select
    minute,
    service_name,
    method,
    endpoint,
    request_count,
    client_error_count,
    server_error_count,
    {{ response_times_of('response_time_ms_state') }},
    response_time_ms_state
from minutes
