-- How many customers went over a limit of their plan, by the day of the month on which
-- they first did; they stay over it until the month ends.
SELECT month, over_since, count() AS customer_count
FROM
(
    SELECT month, user_id, min(date) AS over_since
    FROM
    (
        SELECT
            daily.month AS month,
            daily.user_id AS user_id,
            daily.date AS date,
            monthly.limit_count AS limit_count,
            sum(daily.used_count) OVER (
                PARTITION BY daily.month, daily.user_id, daily.resource_type ORDER BY daily.date
            ) AS used_so_far_count
        FROM
        (
            SELECT toStartOfMonth(date) AS month, date, user_id, resource_type, used_count
            FROM rollups.rollup_usage_daily
            WHERE date BETWEEN toStartOfMonth({first_day:Date}) AND {last_day:Date}
              AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
              AND (
                  {plan_name:String} = ''
                  OR user_id IN (SELECT user_id FROM marts.dim_users WHERE plan_name = {plan_name:String})
              )
        ) AS daily
        INNER JOIN
        (
            SELECT month, user_id, resource_type, limit_count
            FROM rollups.rollup_usage_monthly
            WHERE month BETWEEN toStartOfMonth({first_day:Date}) AND {last_day:Date}
              AND overage_count > 0
        ) AS monthly
            ON daily.month = monthly.month
            AND daily.user_id = monthly.user_id
            AND daily.resource_type = monthly.resource_type
    )
    WHERE used_so_far_count > limit_count
    GROUP BY month, user_id
)
GROUP BY month, over_since
ORDER BY over_since
