-- Neither below the limit nor without one is there any overage.
select month, user_id, resource_type, used_count, limit_count, overage_count
from {{ ref('rollup_usage_monthly') }}
where (limit_count is null and overage_count != 0)
    or (limit_count is not null and overage_count != greatest(used_count, limit_count) - limit_count)
