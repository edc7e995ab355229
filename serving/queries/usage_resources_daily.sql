-- What was used of each resource on each day.
SELECT date, resource_type, sum(used_count) AS used_count
FROM rollups.rollup_usage_daily
WHERE date BETWEEN {first_day:Date} AND {last_day:Date}
  AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
  AND (
      {plan_name:String} = ''
      OR user_id IN (SELECT user_id FROM marts.dim_users WHERE plan_name = {plan_name:String})
  )
GROUP BY date, resource_type
ORDER BY date, resource_type
