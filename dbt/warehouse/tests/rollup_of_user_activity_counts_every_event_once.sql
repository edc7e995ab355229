-- Each day, user and type has as many events in the rollup as there are distinct event ids.
{{ activity_counted_otherwise(
    ref('rollup_user_activity_daily'), "date > today() - interval 2 year"
) }}
