-- How far each source's data reach, and when the rollups were last refreshed from it.
SELECT name, data_until, refreshed_at
FROM rollups.rollup_freshness
ORDER BY name
