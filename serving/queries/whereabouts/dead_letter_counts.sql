-- What there is to filter by, and how old the oldest is that nobody has replayed.
SELECT
    topic,
    rule,
    countIf(replayed_at IS NULL) AS open_count,
    count() AS all_count,
    minIf(received_at, replayed_at IS NULL) AS oldest_open_at
FROM platform.dead_letter_status
GROUP BY topic, rule
ORDER BY topic, rule
