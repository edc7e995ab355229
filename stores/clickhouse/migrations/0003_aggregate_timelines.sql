-- A projection of the event store: what happened to each aggregate, in one row. It can be made
-- anew at any time from version 1 on: `interview-data events projections rebuild`.

CREATE TABLE IF NOT EXISTS platform.aggregate_timelines (
    aggregate_id UUID,
    aggregate_type LowCardinality(String),
    version Int32,
    is_complete Bool,
    started_at DateTime64(6, 'UTC'),
    last_event_type LowCardinality(String),
    last_event_at DateTime64(6, 'UTC'),
    event_types Array(LowCardinality(String)),
    event_times Array(DateTime64(6, 'UTC'))
) ENGINE = ReplacingMergeTree(version)
ORDER BY aggregate_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
