-- A metric and its day; it is read from the table itself, no rollup stands between.
SELECT timestamp, received_at, date
FROM analytics.interview_metrics
WHERE metric_id = {id:UUID}
LIMIT 1
