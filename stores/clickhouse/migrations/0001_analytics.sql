-- Events and metrics: the four relations of the reference schema.
--
-- What is written out beside the reference, and why (docs/decisions/0003-events-exactly-once.md):
-- * Times are DateTime64(3, 'UTC'): stored the same as without the zone, but toDate(timestamp),
--   and with it the partition and the TTL, no longer depends on the server's own time zone.
-- * received_at is when the API took the event; metric_id makes a resent metric recognisable.
-- * The projection finds rows by id: the table's own order cannot. A lightweight DELETE is
--   refused on these tables, because it leaves the deleted id in the projection: use
--   ALTER TABLE ... DELETE.
-- * A part is on disk before its insert is answered: the bus forgets what has been answered.
-- * The deduplication window lets an insert be repeated under its token without doubling anything.

CREATE DATABASE IF NOT EXISTS analytics ENGINE = Atomic;

CREATE TABLE IF NOT EXISTS analytics.user_events (
    event_id UUID,
    user_id UUID,
    event_type LowCardinality(String),
    event_data String,
    session_id UUID,
    user_agent String,
    ip_address IPv4,
    timestamp DateTime64(3, 'UTC'),
    date Date DEFAULT toDate(timestamp),
    received_at DateTime64(3, 'UTC') DEFAULT now64(3),
    PROJECTION by_event_id (SELECT event_id ORDER BY event_id)
) ENGINE = MergeTree()
PARTITION BY toYYYYMM(date)
ORDER BY (date, user_id, timestamp)
TTL date + INTERVAL 2 YEAR
SETTINGS
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS analytics.interview_metrics (
    interview_id UUID,
    user_id UUID,
    metric_name LowCardinality(String),
    metric_value Float64,
    dimensions Map(String, String),
    timestamp DateTime64(3, 'UTC'),
    date Date DEFAULT toDate(timestamp),
    metric_id UUID DEFAULT generateUUIDv4(),
    received_at DateTime64(3, 'UTC') DEFAULT now64(3),
    PROJECTION by_metric_id (SELECT metric_id ORDER BY metric_id)
) ENGINE = MergeTree()
PARTITION BY toYYYYMM(date)
ORDER BY (date, interview_id, metric_name, timestamp)
TTL date + INTERVAL 1 YEAR
SETTINGS
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS analytics.api_metrics (
    request_id UUID,
    method LowCardinality(String),
    endpoint String,
    status_code UInt16,
    response_time_ms UInt32,
    user_id UUID,
    service_name LowCardinality(String),
    timestamp DateTime64(3, 'UTC'),
    date Date DEFAULT toDate(timestamp),
    received_at DateTime64(3, 'UTC') DEFAULT now64(3),
    PROJECTION by_request_id (SELECT request_id ORDER BY request_id)
) ENGINE = MergeTree()
PARTITION BY toYYYYMM(date)
ORDER BY (date, service_name, endpoint, timestamp)
TTL date + INTERVAL 6 MONTH
SETTINGS
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS analytics.daily_user_activity
ENGINE = SummingMergeTree()
PARTITION BY toYYYYMM(date)
ORDER BY (date, user_id, event_type)
SETTINGS
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1
AS SELECT
    date,
    user_id,
    event_type,
    count() AS event_count
FROM analytics.user_events
GROUP BY date, user_id, event_type;

-- What was on the bus and could not become a row: its bytes, why, from where and when.
CREATE DATABASE IF NOT EXISTS platform ENGINE = Atomic;

CREATE TABLE IF NOT EXISTS platform.dead_letters (
    dead_letter_id UUID,
    topic LowCardinality(String),
    source String,
    field String,
    rule String,
    body String,
    received_at DateTime64(3, 'UTC'),
    dead_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree()
ORDER BY (topic, dead_at, dead_letter_id)
SETTINGS
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
