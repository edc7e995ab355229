-- The days that any rollup of usage knows of; no row at all where there is no data yet.
SELECT min(date) AS first_day, max(date) AS last_day
FROM
(
    SELECT date FROM rollups.rollup_user_activity_daily
    UNION ALL
    SELECT date FROM rollups.rollup_usage_daily
)
HAVING count() > 0
