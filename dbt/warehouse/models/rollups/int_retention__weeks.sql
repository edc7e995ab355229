-- The weeks with activity, each with one number for what it is made of: the activity in it, and who
-- had joined by its end. The first is kept by a projection of the rollup of days.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
activity as (
    select toMonday(date) as activity_week, sum(event_count * cityHash64(user_id, event_type)) as number
    from {{ ref('rollup_user_activity_daily') }}
    group by activity_week
),

joined as (
    select cohort_week, sum(cityHash64(user_id)) as number
    from {{ ref('int_retention__cohorts') }}
    group by cohort_week
)

select
    activity.activity_week as activity_week,
    bitXor(any(activity.number), intHash64(sum(joined.number * cityHash64(joined.cohort_week)))) as content_hash
from activity
inner join joined on true
where joined.cohort_week <= activity.activity_week
group by activity_week
