-- In which tables an id is. Each branch is answered by the projection that is ordered by id.
SELECT 'user_events' AS type FROM analytics.user_events WHERE event_id = {id:UUID}
UNION DISTINCT
SELECT 'interview_metrics' AS type FROM analytics.interview_metrics WHERE metric_id = {id:UUID}
UNION DISTINCT
SELECT 'api_metrics' AS type FROM analytics.api_metrics WHERE request_id = {id:UUID}
