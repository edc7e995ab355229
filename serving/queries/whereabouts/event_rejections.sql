-- What was refused under an id, newest first.
SELECT topic, field, rule, reason, received_at, replayed_at
FROM platform.dead_letter_status
WHERE event_id = {id:String}
ORDER BY received_at DESC
LIMIT 20
