select user_id, resource_type, count(*) as row_count
from {{ ref('entitlements') }}
group by user_id, resource_type
having count(*) > 1
