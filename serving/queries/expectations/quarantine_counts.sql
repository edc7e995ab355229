-- How many rows of each table are left out of the models.
SELECT suite, uniqExact(row_id) AS open_count
FROM expectations.quarantined
GROUP BY suite
ORDER BY suite
