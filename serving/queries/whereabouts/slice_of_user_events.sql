-- How many events of a slice there are, and how many of them are in the rollup.
SELECT
    (
        SELECT count()
        FROM analytics.user_events
        WHERE date = {date:Date} AND user_id = {user_id:UUID} AND event_type = {event_type:String}
    ) AS stored_count,
    (
        SELECT sum(event_count)
        FROM rollups.rollup_user_activity_daily
        WHERE date = {date:Date} AND user_id = {user_id:UUID} AND event_type = {event_type:String}
    ) AS counted_count
