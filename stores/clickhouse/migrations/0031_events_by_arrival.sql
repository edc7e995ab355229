-- What has landed lately, without reading a whole table: rows lie by day, and nearly all that
-- arrives is of these days, so that old granules are passed over by the range of their arrivals.

ALTER TABLE analytics.user_events
    ADD INDEX IF NOT EXISTS by_received_at received_at TYPE minmax GRANULARITY 1;
ALTER TABLE analytics.user_events
    MATERIALIZE INDEX IF EXISTS by_received_at SETTINGS mutations_sync = 2;
ALTER TABLE analytics.interview_metrics
    ADD INDEX IF NOT EXISTS by_received_at received_at TYPE minmax GRANULARITY 1;
ALTER TABLE analytics.interview_metrics
    MATERIALIZE INDEX IF EXISTS by_received_at SETTINGS mutations_sync = 2;
ALTER TABLE analytics.api_metrics
    ADD INDEX IF NOT EXISTS by_received_at received_at TYPE minmax GRANULARITY 1;
ALTER TABLE analytics.api_metrics
    MATERIALIZE INDEX IF EXISTS by_received_at SETTINGS mutations_sync = 2;
