select
    request_id,
    service_name,
    method,
    endpoint,
    status_code,
    response_time_ms,
    user_id,
    requested_at,
    date
from {{ ref('stg_events__api_metrics') }}
