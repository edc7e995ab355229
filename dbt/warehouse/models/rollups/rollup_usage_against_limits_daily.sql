-- Restated by the month, because what is used on one day counts on all later ones.
{%- set measure = fingerprint_of_rows([
    'date', 'user_id', 'resource_type', 'used_count', 'used_in_month_count', 'plan_name', 'limit_count', 'overage_count',
]) %}
{{ config(
    materialized='restated_slices',
    compared_with='int_usage__daily_with_limits',
    slice='month',
    source_measure=measure,
    own_slice='toStartOfMonth(date)',
    own_measure=measure,
    own_count='sum(used_count)',
    sliced_sources={'rollup_usage_daily': 'toStartOfMonth(day)'},
    slice_ends='addMonths(slice, 1)',
    partition_by='toStartOfMonth(date)',
    order_by=['date', 'user_id', 'resource_type'],
) }}
select
    date,
    user_id,
    toLowCardinality(resource_type) as resource_type,
    used_count,
    used_in_month_count,
    toLowCardinality(plan_name) as plan_name,
    limit_count,
    overage_count
from {{ ref('int_usage__daily_with_limits') }}
where {{ touched_slices('month') }}
