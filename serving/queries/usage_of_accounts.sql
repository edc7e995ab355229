-- A page of what customers used in a month, in the order of the table.
SELECT
    user_id,
    toString(resource_type) AS resource_type,
    used_count,
    toString(plan_name) AS plan_name,
    limit_count,
    overage_count
FROM rollups.rollup_usage_monthly AS rollup
WHERE rollup.month = {month:Date}
  AND ({resource:String} = '' OR rollup.resource_type = {resource:String})
  AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, rollup.user_id))
  AND (
      {after_resource:String} = ''
      OR rollup.user_id > {after_user_id:UUID}
      OR (
          rollup.user_id = {after_user_id:UUID}
          AND rollup.resource_type > {after_resource:String}
      )
  )
ORDER BY rollup.user_id, rollup.resource_type
LIMIT {limit:UInt32}
-- A page by the key: more threads only cost.
SETTINGS max_threads = 1
