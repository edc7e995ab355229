-- Rows that are left out of the models, the newest first; an empty suite is every one.
SELECT
    suite,
    toString(row_id) AS row_id,
    expectation,
    reason,
    content,
    found_at,
    count() OVER () AS all_count
FROM expectations.quarantined
WHERE {suite:String} = '' OR suite = {suite:String}
ORDER BY found_at DESC, suite, row_id, expectation
LIMIT {limit:UInt32}
