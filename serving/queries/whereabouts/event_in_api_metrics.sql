-- A request and the slice of the rollup that it belongs to.
SELECT
    timestamp,
    received_at,
    toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour,
    toString(service_name) AS service_name,
    toString(method) AS method,
    endpoint
FROM analytics.api_metrics
WHERE request_id = {id:UUID}
LIMIT 1
