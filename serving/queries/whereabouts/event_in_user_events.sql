-- An event and the slice of the rollup that it belongs to.
SELECT timestamp, received_at, date, toString(user_id) AS user_id, toString(event_type) AS event_type
FROM analytics.user_events
WHERE event_id = {id:UUID}
LIMIT 1
