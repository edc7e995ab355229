-- A page of what customers used in a month, in the order of the table, with the month before.
SELECT
    this.user_id AS user_id,
    toString(this.resource_type) AS resource_type,
    this.used_count AS used_count,
    toString(this.plan_name) AS plan_name,
    this.limit_count AS limit_count,
    this.overage_count AS overage_count,
    before.used_count AS previous_used_count
FROM
(
    SELECT user_id, resource_type, used_count, plan_name, limit_count, overage_count
    FROM rollups.rollup_usage_monthly
    WHERE month = {month:Date}
      AND ({resource:String} = '' OR resource_type = {resource:String})
      AND (empty({user_ids:Array(UUID)}) OR has({user_ids:Array(UUID)}, user_id))
      AND (
          {after_resource:String} = ''
          OR user_id > {after_user_id:UUID}
          OR (user_id = {after_user_id:UUID} AND resource_type > {after_resource:String})
      )
    ORDER BY user_id, resource_type
    LIMIT {limit:UInt32}
) AS this
LEFT JOIN
(
    SELECT user_id, resource_type, used_count
    FROM rollups.rollup_usage_monthly
    WHERE month = {previous_month:Date}
      AND ({resource:String} = '' OR resource_type = {resource:String})
) AS before ON before.user_id = this.user_id AND before.resource_type = this.resource_type
ORDER BY this.user_id, this.resource_type
