select
    ai_model_id,
    model_name,
    model_version,
    model_type,
    is_active,
    cost_per_request_usd,
    created_at
from {{ ref('stg_oltp__ai_models') }}
