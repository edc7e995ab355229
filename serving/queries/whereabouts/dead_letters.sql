-- One page of dead letters, newest first; an empty filter asks for all.
SELECT
    toString(dead_letter_id) AS dead_letter_id,
    topic,
    source,
    event_id,
    field,
    rule,
    reason,
    hex(substring(body, 1, {body_limit:UInt32})) AS body_hex,
    length(body) AS body_bytes,
    received_at,
    replayed_at,
    outcome
FROM platform.dead_letter_status
WHERE ({topic:String} = '' OR topic = {topic:String})
    AND ({rule:String} = '' OR rule = {rule:String})
    AND ({state:String} = 'all' OR (replayed_at IS NULL) = ({state:String} = 'open'))
    AND (received_at, toString(dead_letter_id)) < (
        parseDateTime64BestEffort({before:String}, 3, 'UTC'), {before_id:String}
    )
ORDER BY received_at DESC, dead_letter_id DESC
LIMIT {limit:UInt32}
