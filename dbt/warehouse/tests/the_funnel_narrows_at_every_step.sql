-- Nobody answers who has not begun, and a session is completed, given up or still going on.
select *
from {{ ref('rollup_interview_funnel_daily') }}
where first_answer_count > started_count
    or completed_count + abandoned_count + in_progress_count != started_count
