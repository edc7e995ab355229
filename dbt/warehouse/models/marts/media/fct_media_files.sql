select
    media_files.media_file_id as media_file_id,
    media_files.interview_id as interview_id,
    interviews.user_id as user_id,
    media_files.session_id as session_id,
    media_files.question_id as question_id,
    media_files.content_type as content_type,
    splitByChar('/', media_files.content_type)[1] as medium,
    media_files.file_size_bytes as file_size_bytes,
    arrayStringConcat(arraySlice(splitByChar('/', media_files.original_path), 1, 2), '/') as storage_prefix,
    media_files.media_file_status as media_file_status,
    toBool(ifNull(media_files.media_file_status = 'failed', false)) as is_failed,
    media_files.created_at as created_at,
    media_files.processing_started_at as processing_started_at,
    media_files.processing_completed_at as processing_completed_at,
    cast(dateDiff('millisecond', media_files.created_at, media_files.processing_started_at) / 1000 as Nullable(Float64)) as queue_seconds,
    cast(dateDiff('millisecond', media_files.processing_started_at, media_files.processing_completed_at) / 1000 as Nullable(Float64)) as processing_seconds
from {{ ref('stg_oltp__media_files') }} as media_files
left join {{ ref('stg_oltp__interviews') }} as interviews on interviews.interview_id = media_files.interview_id
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
