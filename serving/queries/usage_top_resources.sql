-- Each resource: used in the range, and in the month of the range's last day against the
-- sum of the limits. Usage without a limit is kept apart, or the share would be wrong.
SELECT
    resource_type,
    sum(range_used_count) AS range_used_count,
    sum(month_used_count) AS month_used_count,
    sum(limited_used_count) AS limited_used_count,
    sum(limit_count) AS limit_count,
    sum(overage_count) AS overage_count,
    sum(customer_count) AS customer_count,
    sum(unlimited_customer_count) AS unlimited_customer_count,
    sum(over_limit_customer_count) AS over_limit_customer_count
FROM
(
    SELECT
        resource_type,
        sum(used_count) AS range_used_count,
        0 AS month_used_count, 0 AS limited_used_count, 0 AS limit_count, 0 AS overage_count,
        0 AS customer_count, 0 AS unlimited_customer_count, 0 AS over_limit_customer_count
    FROM rollups.rollup_usage_daily
    WHERE date BETWEEN {first_day:Date} AND {last_day:Date}
      AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
      AND (
          {plan_name:String} = ''
          OR user_id IN (SELECT user_id FROM marts.dim_users WHERE plan_name = {plan_name:String})
      )
    GROUP BY resource_type
    UNION ALL
    SELECT
        resource_type,
        0,
        sum(monthly.used_count),
        sumIf(monthly.used_count, monthly.limit_count IS NOT NULL),
        sum(ifNull(monthly.limit_count, 0)),
        sum(monthly.overage_count),
        uniqExact(user_id),
        uniqExactIf(user_id, monthly.limit_count IS NULL),
        uniqExactIf(user_id, monthly.overage_count > 0)
    FROM rollups.rollup_usage_monthly AS monthly
    WHERE month = toStartOfMonth({last_day:Date})
      AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
      AND (
          {plan_name:String} = ''
          OR user_id IN (SELECT user_id FROM marts.dim_users WHERE plan_name = {plan_name:String})
      )
    GROUP BY resource_type
)
GROUP BY resource_type
ORDER BY limited_used_count / nullIf(limit_count, 0) DESC NULLS LAST, month_used_count DESC
