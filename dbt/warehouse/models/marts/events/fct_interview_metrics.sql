select
    metric_id,
    interview_id,
    user_id,
    metric_name,
    metric_value,
    dimensions,
    measured_at,
    date
from {{ ref('stg_events__interview_metrics') }}
