-- Over all classes, as many bytes of originals lie in the bucket today as the files say.
select file_bytes, stored_bytes
from (
    select
        (
            select toInt64(sum(file_size_bytes))
            from {{ ref('stg_oltp__media_files') }}
            where created_at is not null
                and toDate(assumeNotNull(created_at), 'UTC') <= {{ present_day() }}
                and ifNull(media_file_status, '') != 'uploading'
                and startsWith(original_path, 'media/raw/')
        ) as file_bytes,
        (
            select toInt64(sum(stored_bytes))
            from {{ ref('rollup_storage_daily') }}
            where date = (select max(date) from {{ ref('rollup_storage_daily') }}) and prefix = 'media/raw/'
        ) as stored_bytes
)
where file_bytes != stored_bytes
