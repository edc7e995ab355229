-- The objects of each file: the original, the processed copy and the thumbnail, as far as they are
-- there. Size is recorded of originals; of processed copies where the product wrote it down.
{{ config(
    materialized='kept_rows',
    schema='staging',
    contract={'enforced': false},
    key='media_file_id',
    followed={'media_files': ['id']},
    partition_by='stored_on',
    order_by=['stored_on', 'prefix', 'media_file_id'],
    projection='select stored_on, prefix, count(), sum(ifNull(size_bytes, 0)), countIf(size_bytes is null) group by stored_on, prefix',
) }}
-- depends_on: {{ ref('int_landed') }}
select
    toDate(assumeNotNull(created_at), 'UTC') as stored_on,
    toLowCardinality(concat(arrayStringConcat(arraySlice(splitByChar('/', tupleElement(object, 1)), 1, 2), '/'), '/')) as prefix,
    media_file_id,
    tupleElement(object, 2) as size_bytes
from {{ ref('stg_oltp__media_files') }}
array join [
    (ifNull(original_path, ''), toNullable(toInt64(file_size_bytes))),
    (ifNull(processed_path, ''), JSONExtract(ifNull(metadata_json, '{}'), 'processed_size_bytes', 'Nullable(Int64)')),
    (ifNull(thumbnail_path, ''), JSONExtract(ifNull(metadata_json, '{}'), 'thumbnail_size_bytes', 'Nullable(Int64)'))
] as object
where tupleElement(object, 1) != '' and created_at is not null
    and ifNull(media_file_status, '') != 'uploading'
    and {{ changed_keys('media_file_id') }}
settings optimize_move_to_prewhere_if_final = 1
