-- What one user used of each resource in a month, against the plan.
SELECT resource_type, used_count, limit_count, overage_count, plan_name
FROM rollups.rollup_usage_monthly
WHERE user_id = {user_id:UUID} AND month = {month:Date}
ORDER BY resource_type
