-- Nor is anybody active before their cohort began.
select activity_week, cohort_week, cohort_user_count, active_user_count, retention_ratio
from {{ ref('rollup_retention_weekly') }}
where active_user_count > cohort_user_count
    or retention_ratio not between 0 and 1
    or cohort_week > activity_week
