-- Of each suite the answers of its last run, what does not hold first, each with its last 40 runs
-- as one letter: m(et), w(arning), s(evere), e(rror: it could not be asked).
SELECT
    answers.suite AS suite,
    answers.expectation AS expectation,
    answers.why AS why,
    answers.severity AS severity,
    answers.is_met AS is_met,
    answers.observed AS observed,
    answers.breaking_count AS breaking_count,
    answers.breaking_keys AS breaking_keys,
    answers.error AS error,
    answers.checked_at AS checked_at,
    past.runs AS runs
FROM expectations.results AS answers
INNER JOIN (
    SELECT suite, argMax(run_id, checked_at) AS run_id
    FROM expectations.results
    GROUP BY suite
) AS newest ON newest.suite = answers.suite AND newest.run_id = answers.run_id
INNER JOIN (
    SELECT
        suite,
        expectation,
        arraySlice(
            arrayMap(run -> run.2, arraySort(groupArray((
                checked_at,
                multiIf(is_met, 'm', error != '', 'e', severity = 'severe', 's', 'w')
            )))), -40
        ) AS runs
    FROM expectations.results
    WHERE checked_at > now() - INTERVAL 90 DAY
    GROUP BY suite, expectation
) AS past ON past.suite = answers.suite AND past.expectation = answers.expectation
ORDER BY suite, is_met, severity, expectation
