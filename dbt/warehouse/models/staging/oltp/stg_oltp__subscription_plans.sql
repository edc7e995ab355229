select
    cast(subscription_plans.id as UUID) as plan_id,
    cast(subscription_plans.name as String) as plan_name,
    cast(subscription_plans.description as Nullable(String)) as description,
    cast(subscription_plans.price as Decimal(10, 2)) as price,
    cast(subscription_plans.currency as Nullable(String)) as currency,
    cast(subscription_plans.billing_interval as String) as billing_interval,
    cast(subscription_plans.limits as String) as limits_json,
    cast(subscription_plans.features as String) as features_json,
    cast(subscription_plans.is_active as Nullable(Bool)) as is_active,
    cast(subscription_plans.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at
from {{ source('oltp', 'subscription_plans') }} as subscription_plans
where {{ without_quarantined('subscription_plans', 'subscription_plans.id') }}
