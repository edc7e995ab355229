-- How many events of a type a user caused in a month; a plan may count them as use.
SELECT sum(event_count) AS event_count
FROM rollups.rollup_user_activity_daily
WHERE user_id = {user_id:UUID}
  AND event_type = {event_type:String}
  AND date >= {month:Date}
  AND date < addMonths({month:Date}, 1)
