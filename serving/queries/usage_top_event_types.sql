-- The most frequent types of event in the range, beside the compared days.
SELECT
    event_type,
    sumIf(daily.event_count, date BETWEEN {first_day:Date} AND {last_day:Date}) AS event_count,
    uniqExactIf(
        user_id,
        date BETWEEN {first_day:Date} AND {last_day:Date}
            AND user_id != toUUID('00000000-0000-0000-0000-000000000000')
    ) AS user_count,
    sumIf(daily.event_count, date BETWEEN {first_day:Date} AND {complete_day:Date})
        AS comparable_event_count,
    sumIf(daily.event_count, date BETWEEN {compared_first_day:Date} AND {compared_last_day:Date})
        AS compared_event_count
FROM
(
    SELECT date, user_id, event_type, event_count
    FROM rollups.rollup_user_activity_daily
    WHERE date BETWEEN least({first_day:Date}, {compared_first_day:Date}) AND {last_day:Date}
      AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
      AND (
          {plan_name:String} = ''
          OR user_id IN (SELECT user_id FROM marts.dim_users WHERE plan_name = {plan_name:String})
      )
) AS daily
GROUP BY event_type
HAVING event_count > 0
ORDER BY event_count DESC, event_type
LIMIT {row_limit:UInt32}
