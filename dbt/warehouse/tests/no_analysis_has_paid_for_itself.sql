-- What an analysis costs is nothing, something or unknown.
select date, user_id, model_name, model_version, cost_usd
from {{ ref('int_ai_cost__analyses') }}
where cost_usd < 0
