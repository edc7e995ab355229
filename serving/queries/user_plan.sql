-- The plan of a user in a month: of the subscriptions that had begun before the month ended
-- and had not ended before it began, the one that began last.
SELECT
    plans.plan_name AS plan_name,
    plans.interviews_limit_count AS interviews_limit_count,
    plans.analysis_limit_count AS analysis_limit_count,
    plans.storage_limit_mebibytes AS storage_limit_mebibytes
FROM
(
    SELECT plan_id
    FROM marts.dim_subscriptions
    WHERE user_id = {user_id:UUID}
      AND least(ifNull(created_at, current_period_start), current_period_start)
        < addMonths({month:Date}, 1)
      AND (subscription_status = 'active' OR current_period_end > {month:Date})
    ORDER BY
        least(ifNull(created_at, current_period_start), current_period_start) DESC,
        subscription_id DESC
    LIMIT 1
) AS subscribed
INNER JOIN marts.dim_subscription_plans AS plans ON plans.plan_id = subscribed.plan_id
