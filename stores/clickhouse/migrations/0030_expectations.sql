-- What was asked of landed data, what came of it, and the rows that are kept out of the models.
--
-- A row of `quarantine` is one row of a table and one expectation that it breaks. Its newest state
-- counts: open (left out of staging), released (somebody takes it as it is), corrected (it no
-- longer breaks the expectation) or gone. `content` holds columns without personal data only.

CREATE DATABASE IF NOT EXISTS expectations ENGINE = Atomic;

CREATE TABLE IF NOT EXISTS expectations.results (
    run_id UUID,
    suite LowCardinality(String),
    expectation LowCardinality(String),
    why String,
    severity LowCardinality(String),
    is_met Bool,
    observed String,
    error String,
    checked_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree ORDER BY (suite, checked_at, expectation);

ALTER TABLE expectations.results
    ADD COLUMN IF NOT EXISTS breaking_count UInt64 AFTER observed,
    ADD COLUMN IF NOT EXISTS breaking_keys Array(String) AFTER breaking_count;
ALTER TABLE expectations.results MODIFY TTL toDateTime(checked_at) + INTERVAL 1 YEAR;

CREATE TABLE IF NOT EXISTS expectations.quarantine (
    suite LowCardinality(String),
    row_id UUID,
    expectation LowCardinality(String),
    reason String,
    content String,
    content_hash UInt64,
    state LowCardinality(String),
    found_at DateTime64(3, 'UTC'),
    changed_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(changed_at)
ORDER BY (suite, row_id, expectation)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS expectations.quarantined AS
SELECT suite, row_id, expectation, reason, content, found_at
FROM expectations.quarantine FINAL
WHERE state = 'open';

-- How far a suite has looked before a build, and why the models behind it are held back, if so.
CREATE TABLE IF NOT EXISTS expectations.looks (
    suite LowCardinality(String),
    definition String,
    looked_until DateTime64(3, 'UTC'),
    rows_until UInt64,
    looked_count UInt64,
    blocked_by String,
    looked_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(looked_at)
ORDER BY suite;
