-- What one user used of each resource in a month, against the plan; nothing where the user is gone.
SELECT resource_type, used_count, limit_count, overage_count, plan_name
FROM rollups.rollup_usage_monthly
WHERE user_id = {user_id:UUID}
  AND month = {month:Date}
  AND user_id IN (SELECT user_id FROM marts.dim_users WHERE user_id = {user_id:UUID})
ORDER BY resource_type
-- A few rows by the key: more threads only cost.
SETTINGS max_threads = 1
