-- Which days and months of a rollup were counted anew after they had ended, from how many to how
-- many: a late or backfilled event, a changed or deleted row, leaves its trace here.

CREATE TABLE IF NOT EXISTS platform.restatements (
    rollup LowCardinality(String),
    slice Date,
    before_count Int64,
    after_count Int64,
    restated_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree()
ORDER BY (rollup, slice, restated_at)
TTL toDateTime(restated_at) + INTERVAL 2 YEAR;
