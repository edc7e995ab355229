-- Active users and events of each day. Events without a user carry the nil UUID.
SELECT
    date,
    uniqExactIf(user_id, user_id != toUUID('00000000-0000-0000-0000-000000000000'))
        AS active_user_count,
    sum(event_count) AS event_count
FROM rollups.rollup_user_activity_daily
WHERE date BETWEEN {first_day:Date} AND {last_day:Date}
  AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
  AND (
      {plan_name:String} = ''
      OR user_id IN (SELECT user_id FROM marts.dim_users WHERE plan_name = {plan_name:String})
  )
GROUP BY date
ORDER BY date
