select
    cast(subscriptions.id as UUID) as subscription_id,
    cast(subscriptions.user_id as Nullable(UUID)) as user_id,
    cast(subscriptions.plan_id as UUID) as plan_id,
    cast(subscriptions.stripe_subscription_id as Nullable(String)) as stripe_subscription_id,
    cast(subscriptions.status as String) as subscription_status,
    cast(subscriptions.current_period_start as DateTime64(6, 'UTC')) as current_period_start,
    cast(subscriptions.current_period_end as DateTime64(6, 'UTC')) as current_period_end,
    cast(subscriptions.cancel_at_period_end as Nullable(Bool)) as is_cancelled_at_period_end,
    cast(subscriptions.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at,
    cast(subscriptions.updated_at as Nullable(DateTime64(6, 'UTC'))) as updated_at
from {{ source('oltp', 'subscriptions') }} as subscriptions
where {{ without_quarantined('subscriptions', 'subscriptions.id') }}
