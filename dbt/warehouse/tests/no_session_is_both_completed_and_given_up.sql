-- Or it would be counted twice among those that have ended.
select date, interview_id, user_id, drop_off_question_id
from {{ ref('int_candidates__sessions') }}
where is_completed and is_abandoned
