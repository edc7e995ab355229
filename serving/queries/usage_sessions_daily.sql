-- Candidate sessions completed on each day.
SELECT toDate(completed_at) AS date, count() AS completed_session_count
FROM marts.fct_candidate_sessions
WHERE completed_at IS NOT NULL
  AND toDate(completed_at) BETWEEN {first_day:Date} AND {last_day:Date}
  AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
  AND (
      {plan_name:String} = ''
      OR user_id IN (SELECT user_id FROM marts.dim_users WHERE plan_name = {plan_name:String})
  )
GROUP BY date
ORDER BY date
