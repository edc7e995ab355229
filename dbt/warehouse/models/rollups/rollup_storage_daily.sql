-- A file that arrives restates today; one that is deleted, every day that it lay there.
{%- set measure = fingerprint_of_rows(['prefix', 'storage_class', 'object_count', 'stored_bytes', 'unsized_object_count']) %}
{{ config(
    materialized='restated_slices',
    compared_with='int_storage__daily',
    slice='date',
    source_measure=measure,
    own_slice='date',
    own_measure=measure,
    own_count='sum(object_count)',
    partition_by='date',
    order_by=['date', 'prefix', 'storage_class'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    date,
    toLowCardinality(prefix) as prefix,
    toLowCardinality(storage_class) as storage_class,
    object_count,
    stored_bytes,
    unsized_object_count
from {{ ref('int_storage__daily') }}
where {{ touched_slices('date') }}
