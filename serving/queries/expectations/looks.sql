-- What was found before the last build, and why the models behind a table are held back, if so.
SELECT suite, blocked_by, looked_count, looked_at
FROM expectations.looks FINAL
ORDER BY suite
