-- What a rollup compares with, kept per part as rows are written: how many events a day has, and
-- of whom and what. To find the days that changed, a refresh reads one row a day and part instead
-- of every event there ever was (dbt/warehouse/macros/restated_slices.sql). A part that is merged,
-- mutated or shortened by its time to live gets its sums anew, so they are never of another content.

ALTER TABLE analytics.user_events
    ADD PROJECTION IF NOT EXISTS by_date
    (SELECT date, count(), sum(cityHash64(user_id, event_type)), max(received_at) GROUP BY date);
ALTER TABLE analytics.user_events
    MATERIALIZE PROJECTION by_date SETTINGS mutations_sync = 2;

ALTER TABLE analytics.interview_metrics
    ADD PROJECTION IF NOT EXISTS by_date
    (SELECT date, count(), max(received_at) GROUP BY date);
ALTER TABLE analytics.interview_metrics
    MATERIALIZE PROJECTION by_date SETTINGS mutations_sync = 2;

ALTER TABLE analytics.api_metrics
    ADD PROJECTION IF NOT EXISTS by_date
    (SELECT date, count(), sum(cityHash64(service_name, method, endpoint)), max(received_at) GROUP BY date);
ALTER TABLE analytics.api_metrics
    MATERIALIZE PROJECTION by_date SETTINGS mutations_sync = 2;
