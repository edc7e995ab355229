-- What one user used of each resource in a month, against the plan. The rows of a user who is
-- gone are gone with what they were counted from.
SELECT resource_type, used_count, limit_count, overage_count, plan_name
FROM rollups.rollup_usage_monthly
WHERE user_id = {user_id:UUID}
  AND month = {month:Date}
ORDER BY resource_type
-- A few rows by the key: more threads only cost.
SETTINGS max_threads = 1
