-- The live view counted each event exactly once while it landed.
{{ activity_counted_otherwise(ref('stg_events__daily_user_activity')) }}
