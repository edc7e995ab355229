SELECT date, user_id, model_name, model_version, analysis_count, unpriced_count, cost_usd
FROM rollups.rollup_ai_cost_daily
WHERE date >= {date_from:Date32}
    AND date < {date_until:Date32}
    AND (NOT {is_of_one:Bool} OR user_id = {user_id:UUID})
    AND ({model_name:String} = '' OR model_name = {model_name:String})
    AND (
        NOT {is_after:Bool}
        OR date < {after_date:Date}
        OR (
            date = {after_date:Date}
            AND (toString(user_id), toString(model_name), toString(model_version))
                > ({after_user_id:String}, {after_model_name:String}, {after_model_version:String})
        )
    )
ORDER BY date DESC, toString(user_id), toString(model_name), toString(model_version)
LIMIT {row_limit:UInt32}
