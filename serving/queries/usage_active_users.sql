-- Users seen in the range, in its complete days, and in the compared days: a user who is
-- active on two days counts once, so these are not sums of the daily numbers.
SELECT
    uniqExactIf(user_id, date BETWEEN {first_day:Date} AND {last_day:Date}) AS user_count,
    uniqExactIf(user_id, date BETWEEN {first_day:Date} AND {complete_day:Date})
        AS comparable_user_count,
    uniqExactIf(user_id, date BETWEEN {compared_first_day:Date} AND {compared_last_day:Date})
        AS compared_user_count
FROM rollups.rollup_user_activity_daily
WHERE date BETWEEN least({first_day:Date}, {compared_first_day:Date}) AND {last_day:Date}
  AND user_id != toUUID('00000000-0000-0000-0000-000000000000')
  AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
  AND (
      {plan_name:String} = ''
      OR user_id IN (SELECT user_id FROM marts.dim_users WHERE plan_name = {plan_name:String})
  )
