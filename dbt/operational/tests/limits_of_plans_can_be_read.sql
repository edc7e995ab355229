-- A limit that cannot be read allows nothing, which its customers will notice first.
select plan_name, resource_type, limit_count, count(*) as customer_count
from {{ ref('entitlements') }}
where not is_limit_readable
group by plan_name, resource_type, limit_count
