-- What each reconciliation found, one row for each metered resource (or `activity`) and month:
-- what the places add up to, how many users differ, and the first of them with the reason.

CREATE TABLE IF NOT EXISTS platform.reconciliations (
    run_id UUID,
    reconciled_at DateTime64(3, 'UTC'),
    subject LowCardinality(String),
    month Date,
    compared_count UInt64,
    totals_json String,
    differing_count UInt64,
    differences Array(String)
) ENGINE = MergeTree()
ORDER BY (subject, month, reconciled_at)
TTL toDateTime(reconciled_at) + INTERVAL 2 YEAR;
