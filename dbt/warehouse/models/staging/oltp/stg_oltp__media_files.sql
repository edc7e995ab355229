select
    cast(media_files.id as UUID) as media_file_id,
    cast(media_files.interview_id as UUID) as interview_id,
    cast(media_files.session_id as Nullable(UUID)) as session_id,
    cast(media_files.question_id as Nullable(UUID)) as question_id,
    cast(media_files.original_filename as String) as original_filename,
    cast(media_files.content_type as String) as content_type,
    cast(media_files.file_size_bytes as Int64) as file_size_bytes,
    cast(media_files.original_path as String) as original_path,
    cast(media_files.processed_path as Nullable(String)) as processed_path,
    cast(media_files.thumbnail_path as Nullable(String)) as thumbnail_path,
    cast(media_files.status as Nullable(String)) as media_file_status,
    cast(media_files.processing_started_at as Nullable(DateTime64(6, 'UTC'))) as processing_started_at,
    cast(media_files.processing_completed_at as Nullable(DateTime64(6, 'UTC'))) as processing_completed_at,
    cast(media_files.metadata as Nullable(String)) as metadata_json,
    cast(media_files.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at
from {{ source('oltp', 'media_files') }} as media_files
where {{ without_quarantined('media_files', 'media_files.id') }}
