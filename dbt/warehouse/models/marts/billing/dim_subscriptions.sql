select
    subscription_id,
    user_id,
    plan_id,
    subscription_status,
    current_period_start,
    current_period_end,
    is_cancelled_at_period_end,
    created_at,
    updated_at
from {{ ref('stg_oltp__subscriptions') }}
