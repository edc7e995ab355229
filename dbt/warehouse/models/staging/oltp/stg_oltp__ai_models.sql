select
    cast(ai_models.id as UUID) as ai_model_id,
    cast(ai_models.name as String) as model_name,
    cast(ai_models.version as String) as model_version,
    cast(ai_models.type as String) as model_type,
    cast(ai_models.config as String) as config_json,
    cast(ai_models.is_active as Nullable(Bool)) as is_active,
    cast(ai_models.cost_per_request as Nullable(Decimal(10, 4))) as cost_per_request_usd,
    cast(ai_models.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at
from {{ source('oltp', 'ai_models') }} as ai_models
