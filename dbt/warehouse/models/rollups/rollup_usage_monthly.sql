-- Also restated when a plan or a subscription changes: the measure covers the limits.
{%- set measure = "sum(toInt128(cityHash64(user_id, toString(resource_type), used_count, toString(plan_name), ifNull(toString(limit_count), ''), overage_count)))" %}
{{ config(
    materialized='restated_slices',
    compared_with='int_usage__monthly_with_limits',
    slice='month',
    source_measure=measure,
    own_slice='month',
    own_measure=measure,
    own_count='sum(used_count)',
    slice_ends='addMonths(slice, 1)',
    partition_by='month',
    order_by=['month', 'user_id', 'resource_type'],
) }}
select
    month,
    user_id,
    toLowCardinality(toString(resource_type)) as resource_type,
    used_count,
    toLowCardinality(plan_name) as plan_name,
    limit_count,
    toUInt64(overage_count) as overage_count
from {{ ref('int_usage__monthly_with_limits') }}
where {{ touched_slices('month') }}
