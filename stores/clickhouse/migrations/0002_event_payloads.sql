-- What an id was first sent with, to tell a resend from a conflict; and dead letters by name.
--
-- payload_hash is over every column but the times and the id. The projection holds it beside the
-- id, so that both are asked for together and the one that had only the id is not needed.

ALTER TABLE analytics.user_events
    ADD COLUMN IF NOT EXISTS payload_hash UInt64
    MATERIALIZED sipHash64(user_id, event_type, event_data, session_id, user_agent, ip_address);
ALTER TABLE analytics.user_events
    ADD PROJECTION IF NOT EXISTS by_event_id_with_payload
    (SELECT event_id, payload_hash ORDER BY event_id);
ALTER TABLE analytics.user_events
    MATERIALIZE PROJECTION by_event_id_with_payload SETTINGS mutations_sync = 2;
ALTER TABLE analytics.user_events DROP PROJECTION IF EXISTS by_event_id;

ALTER TABLE analytics.interview_metrics
    ADD COLUMN IF NOT EXISTS payload_hash UInt64
    MATERIALIZED sipHash64(interview_id, user_id, metric_name, metric_value, mapSort(dimensions));
ALTER TABLE analytics.interview_metrics
    ADD PROJECTION IF NOT EXISTS by_metric_id_with_payload
    (SELECT metric_id, payload_hash ORDER BY metric_id);
ALTER TABLE analytics.interview_metrics
    MATERIALIZE PROJECTION by_metric_id_with_payload SETTINGS mutations_sync = 2;
ALTER TABLE analytics.interview_metrics DROP PROJECTION IF EXISTS by_metric_id;

ALTER TABLE analytics.api_metrics
    ADD COLUMN IF NOT EXISTS payload_hash UInt64
    MATERIALIZED sipHash64(method, endpoint, status_code, response_time_ms, user_id, service_name);
ALTER TABLE analytics.api_metrics
    ADD PROJECTION IF NOT EXISTS by_request_id_with_payload
    (SELECT request_id, payload_hash ORDER BY request_id);
ALTER TABLE analytics.api_metrics
    MATERIALIZE PROJECTION by_request_id_with_payload SETTINGS mutations_sync = 2;
ALTER TABLE analytics.api_metrics DROP PROJECTION IF EXISTS by_request_id;

-- A letter's rule is a short name from now on, and its reason the sentence.
ALTER TABLE platform.dead_letters ADD COLUMN IF NOT EXISTS event_id String AFTER source;
ALTER TABLE platform.dead_letters ADD COLUMN IF NOT EXISTS reason String AFTER rule;

-- A letter that was published again after a fix stays; what became of it is beside it.
CREATE TABLE IF NOT EXISTS platform.dead_letter_replays (
    dead_letter_id UUID,
    replayed_at DateTime64(3, 'UTC') DEFAULT now64(3),
    outcome LowCardinality(String)
) ENGINE = ReplacingMergeTree(replayed_at)
ORDER BY dead_letter_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS platform.dead_letter_status AS
SELECT
    letters.dead_letter_id AS dead_letter_id,
    letters.topic AS topic,
    letters.source AS source,
    letters.event_id AS event_id,
    letters.field AS field,
    letters.rule AS rule,
    letters.reason AS reason,
    letters.body AS body,
    letters.received_at AS received_at,
    letters.dead_at AS dead_at,
    if(replays.dead_letter_id = toUUID('00000000-0000-0000-0000-000000000000'),
       NULL, replays.replayed_at) AS replayed_at,
    replays.outcome AS outcome
FROM (SELECT * FROM platform.dead_letters ORDER BY dead_at LIMIT 1 BY dead_letter_id) AS letters
LEFT JOIN (
    SELECT dead_letter_id, max(replayed_at) AS replayed_at, argMax(dead_letter_replays.outcome,
           dead_letter_replays.replayed_at) AS outcome
    FROM platform.dead_letter_replays GROUP BY dead_letter_id
) AS replays ON replays.dead_letter_id = letters.dead_letter_id;

-- Which facts of the aggregates were published to `domain-events`: one published after the
-- captured table was copied anew is left out by this.
CREATE TABLE IF NOT EXISTS platform.relayed_events (
    event_id UUID,
    aggregate_id UUID,
    version Int32,
    relayed_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree
ORDER BY event_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
