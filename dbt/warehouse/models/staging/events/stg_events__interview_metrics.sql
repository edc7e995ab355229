-- Rows past the table's time to live are hidden here already: when they go is up to the merges.
select
    interview_metrics.metric_id,
    interview_metrics.interview_id,
    interview_metrics.user_id,
    interview_metrics.metric_name,
    interview_metrics.metric_value,
    interview_metrics.dimensions,
    interview_metrics.timestamp as measured_at,
    interview_metrics.date,
    interview_metrics.received_at
from {{ source('analytics', 'interview_metrics') }} as interview_metrics
where interview_metrics.date > today() - interval 1 YEAR
    and {{ without_quarantined('interview_metrics', 'interview_metrics.metric_id') }}
