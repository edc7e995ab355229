-- A week is restated when what was done in it changes, or who had joined by then. Every cohort that
-- had begun has a row in it, also where none of its users came back.
{{ config(
    materialized='restated_slices',
    compared_with='int_retention__weeks',
    slice='activity_week',
    source_measure='max(content_hash)',
    own_slice='activity_week',
    own_measure='max(content_hash)',
    own_count='sum(active_user_count)',
    slice_ends='slice + 7',
    partition_by='activity_week',
    order_by=['activity_week', 'cohort_week'],
) }}
with
cohorts as (
    select cohort_week, count() as user_count
    from {{ ref('int_retention__cohorts') }}
    group by cohort_week
),

active as (
    select seen.activity_week as activity_week, joined.cohort_week as cohort_week, count() as user_count
    from (
        select distinct toMonday(date) as activity_week, user_id
        from {{ ref('rollup_user_activity_daily') }}
        where {{ touched_slices('toMonday(date)') }}
    ) as seen
    inner join {{ ref('int_retention__cohorts') }} as joined on joined.user_id = seen.user_id
    where joined.cohort_week <= seen.activity_week
    group by activity_week, cohort_week
)

select
    weeks.activity_week as activity_week,
    cohorts.cohort_week as cohort_week,
    toUInt16(intDiv(dateDiff('day', cohorts.cohort_week, weeks.activity_week), 7)) as weeks_since_joining,
    cohorts.user_count as cohort_user_count,
    active.user_count as active_user_count,
    toFloat64(active.user_count / cohorts.user_count) as retention_ratio,
    weeks.content_hash as content_hash
from {{ ref('int_retention__weeks') }} as weeks
inner join cohorts on true
left join active on active.activity_week = weeks.activity_week and active.cohort_week = cohorts.cohort_week
where {{ touched_slices('weeks.activity_week') }} and cohorts.cohort_week <= weeks.activity_week
settings join_use_nulls = 0
