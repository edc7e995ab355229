-- What these customers used in the month before, of each resource.
SELECT user_id, toString(resource_type) AS resource_type, used_count
FROM rollups.rollup_usage_monthly AS rollup
WHERE rollup.month = {month:Date}
  AND rollup.user_id IN {user_ids:Array(UUID)}
  AND ({resource:String} = '' OR rollup.resource_type = {resource:String})
SETTINGS max_threads = 1
