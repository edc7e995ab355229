select user_id, resource_name, access, count(*) as row_count
from {{ ref('effective_permissions') }}
group by user_id, resource_name, access
having count(*) > 1
