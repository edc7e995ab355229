-- Requests by hour, as states that merge: of the minutes where these are kept, of the requests
-- themselves on days that are older, so that a late request is counted there as well. Who asks for
-- some days by `date` reads these alone.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
{%- set kept_since = "today() - " ~ var('api_health_minutes_kept_days') %}
select
    toDate(minute) as date,
    toStartOfHour(minute) as hour,
    service_name,
    method,
    endpoint,
    request_count,
    client_error_count,
    server_error_count,
    response_time_ms_state
from {{ ref('rollup_api_health_minutely') }}
where toDate(minute) > {{ kept_since }}
union all
select
    date,
    toStartOfHour(toDateTime(requested_at, 'UTC')) as hour,
    service_name,
    method,
    endpoint,
    count() as request_count,
    countIf(status_code between 400 and 499) as client_error_count,
    countIf(status_code >= 500) as server_error_count,
    {{ response_time_state('response_time_ms') }} as response_time_ms_state
from {{ ref('stg_events__api_metrics') }}
where date <= {{ kept_since }}
group by date, hour, service_name, method, endpoint
