-- The plans that customers have now, the commonest first.
SELECT plan_name, count() AS customer_count
FROM marts.dim_users
GROUP BY plan_name
ORDER BY customer_count DESC, plan_name
LIMIT 50
