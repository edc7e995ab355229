-- Each day, user and resource has the same amount in the rollup as in the captured ledger.
select
    date,
    user_id,
    resource_type,
    sum(ledger_used_count) as ledger_used_count,
    sum(rollup_used_count) as rollup_used_count
from (
    select
        date,
        user_id,
        resource_type,
        toInt64(sum(used_count)) as ledger_used_count,
        toInt64(0) as rollup_used_count
    from {{ ref('fct_usage') }}
    group by date, user_id, resource_type
    union all
    select
        date,
        user_id,
        toString(resource_type) as resource_type,
        toInt64(0) as ledger_used_count,
        toInt64(sum(used_count)) as rollup_used_count
    from {{ ref('rollup_usage_daily') }}
    group by date, user_id, resource_type
)
group by date, user_id, resource_type
having ledger_used_count != rollup_used_count
