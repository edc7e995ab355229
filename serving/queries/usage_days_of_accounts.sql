-- What some customers used on each day of a month.
SELECT user_id, toString(resource_type) AS resource_type, date, used_count
FROM rollups.rollup_usage_daily
WHERE date BETWEEN {first_day:Date} AND {last_day:Date}
  AND has({user_ids:Array(UUID)}, user_id)
  AND ({resource:String} = '' OR resource_type = {resource:String})
ORDER BY user_id, resource_type, date
