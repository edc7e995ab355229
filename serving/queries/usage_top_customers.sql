-- Customers in the month of the range's last day: what each used of each resource against
-- the plan. `sort` is 'limit_share', 'overage' or a resource type.
SELECT
    usage.user_id AS user_id,
    users.company_name AS company_name,
    usage.plan_name AS plan_name,
    usage.resources AS resources,
    usage.limit_share AS limit_share,
    usage.over_limit_resource_count AS over_limit_resource_count
FROM
(
    SELECT
        user_id,
        any(plan_name) AS plan_name,
        groupArray((resource_type, used_count, limit_count, overage_count)) AS resources,
        max(used_count / if(limit_count = 0, 1, limit_count)) AS limit_share,
        countIf(overage_count > 0) AS over_limit_resource_count,
        multiIf(
            {sort:String} = 'limit_share', ifNull(limit_share, -1),
            {sort:String} = 'overage', toFloat64(over_limit_resource_count),
            toFloat64(sumIf(used_count, resource_type = {sort:String}))
        ) AS rank
    FROM rollups.rollup_usage_monthly
    WHERE month = toStartOfMonth({last_day:Date})
      AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
      AND (
          {plan_name:String} = ''
          OR user_id IN (SELECT user_id FROM marts.dim_users WHERE plan_name = {plan_name:String})
      )
    GROUP BY user_id
    ORDER BY rank DESC, ifNull(limit_share, -1) DESC, user_id
    LIMIT {row_limit:UInt32}
) AS usage
LEFT JOIN marts.dim_users AS users ON users.user_id = usage.user_id
ORDER BY usage.rank DESC, ifNull(usage.limit_share, -1) DESC, usage.user_id
