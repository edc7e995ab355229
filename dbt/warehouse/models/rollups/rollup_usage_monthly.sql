-- Also restated when a plan or a subscription changes, and once a day for the projection: the
-- measure covers the limits and the days.
{%- set measure = fingerprint_of_rows([
    'user_id', 'resource_type', 'used_count', 'plan_name', 'limit_count', 'overage_count', 'exhausted_on', 'projected_exhaustion_on',
]) %}
{{ config(
    materialized='restated_slices',
    compared_with='int_usage__monthly_with_limits',
    slice='month',
    source_measure=measure,
    own_slice='month',
    own_measure=measure,
    own_count='sum(used_count)',
    sliced_sources={'rollup_usage_daily': 'toStartOfMonth(day)'},
    slice_ends='addMonths(slice, 1)',
    partition_by='month',
    order_by=['month', 'user_id', 'resource_type'],
) }}
select
    month,
    user_id,
    toLowCardinality(resource_type) as resource_type,
    used_count,
    toLowCardinality(plan_name) as plan_name,
    limit_count,
    overage_count,
    exhausted_on,
    projected_exhaustion_on
from {{ ref('int_usage__monthly_with_limits') }}
where {{ touched_slices('month') }}
