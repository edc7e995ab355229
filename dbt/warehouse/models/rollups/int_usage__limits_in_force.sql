-- What a customer may use of each resource, from a day up to another: of the subscription, and the
-- version of its plan, that were in force then. Periods of a customer do not overlap.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
select
    user_id,
    plan_name,
    valid_from_date,
    valid_until_date,
    tupleElement(limited, 1) as resource_type,
    tupleElement(limited, 2) as limit_count
from {{ ref('fct_subscription_periods') }}
array join [
    ('interviews', interviews_limit_count),
    ('analysis', analysis_limit_count),
    ('storage', storage_limit_mebibytes)
] as limited
where valid_from_date < valid_until_date
