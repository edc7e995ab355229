-- The live view adds up when its parts merge; until then a key has several rows.
select
    daily_user_activity.date,
    daily_user_activity.user_id,
    daily_user_activity.event_type,
    sum(daily_user_activity.event_count) as event_count
from {{ source('analytics', 'daily_user_activity') }} as daily_user_activity
where daily_user_activity.date > today() - interval 2 YEAR
group by
    daily_user_activity.date,
    daily_user_activity.user_id,
    daily_user_activity.event_type
