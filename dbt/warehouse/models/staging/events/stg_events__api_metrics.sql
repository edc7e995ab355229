-- Rows past the table's time to live are hidden here already: when they go is up to the merges.
select
    api_metrics.request_id,
    api_metrics.method,
    api_metrics.endpoint,
    api_metrics.status_code,
    api_metrics.response_time_ms,
    api_metrics.user_id,
    api_metrics.service_name,
    api_metrics.timestamp as requested_at,
    api_metrics.date,
    api_metrics.received_at
from {{ source('analytics', 'api_metrics') }} as api_metrics
where api_metrics.date > today() - interval 6 MONTH
    and {{ without_quarantined('api_metrics', 'api_metrics.request_id') }}
