-- Each day has as many objects, and as many bytes of originals, as the files say that came on it.
select
    stored_on,
    sum(captured_object_count) as captured_object_count,
    sum(kept_object_count) as kept_object_count,
    sum(captured_bytes) as captured_bytes,
    sum(kept_bytes) as kept_bytes
from (
    select
        toDate(assumeNotNull(created_at), 'UTC') as stored_on,
        toInt64(original_path != '') + toInt64(ifNull(processed_path, '') != '') + toInt64(ifNull(thumbnail_path, '') != '') as captured_object_count,
        toInt64(0) as kept_object_count,
        toInt64(if(original_path like 'media/raw/%', file_size_bytes, 0)) as captured_bytes,
        toInt64(0) as kept_bytes
    from {{ ref('stg_oltp__media_files') }}
    where created_at is not null and ifNull(media_file_status, '') != 'uploading'
    union all
    select stored_on, 0, 1, 0, if(prefix = 'media/raw/', ifNull(size_bytes, 0), 0)
    from {{ ref('int_storage__objects') }}
)
group by stored_on
having captured_object_count != kept_object_count or captured_bytes != kept_bytes
