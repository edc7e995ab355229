-- Each day and customer has as many sessions, by outcome, in both rollups.
select date, user_id, sumForEach(by_customer) as funnel_counts, sumForEach(by_interview) as experience_counts
from (
    select
        date,
        user_id,
        [started_count, completed_count, abandoned_count] as by_customer,
        [0, 0, 0] as by_interview
    from {{ ref('rollup_interview_funnel_daily') }}
    union all
    select date, user_id, [0, 0, 0], [session_count, completed_count, abandoned_count]
    from {{ ref('rollup_candidate_experience_daily') }}
)
group by date, user_id
having funnel_counts != experience_counts
