-- The measure adds up to the same number over ledger entries and over their sums, whatever
-- the entries were, and differs when an amount moves between users or resources.
{{ config(
    materialized='restated_slices',
    compared_with='int_usage__entries',
    slice='date',
    source_measure='sum(used_count * toInt128(cityHash64(user_id, toString(resource_type))))',
    own_slice='date',
    own_measure='sum(used_count * toInt128(cityHash64(user_id, toString(resource_type))))',
    own_count='sum(used_count)',
    sliced_sources={'int_usage__entries': 'day'},
    partition_by='date',
    order_by=['date', 'user_id', 'resource_type'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    date,
    user_id,
    toLowCardinality(resource_type) as resource_type,
    toUInt64(greatest(sum(used_count), 0)) as used_count
from {{ ref('int_usage__entries') }}
where {{ touched_slices('date') }}
group by date, user_id, resource_type
