-- The days that any rollup of usage knows of; no row at all where there is no data yet.
SELECT min(extents.first_day) AS first_day, max(extents.last_day) AS last_day
FROM
(
    -- Each is known from the names of its partitions.
    SELECT min(date) AS first_day, max(date) AS last_day, count() AS row_count
    FROM rollups.rollup_user_activity_daily
    UNION ALL
    SELECT min(date) AS first_day, max(date) AS last_day, count() AS row_count
    FROM rollups.rollup_usage_daily
) AS extents
WHERE extents.row_count > 0
HAVING count() > 0
