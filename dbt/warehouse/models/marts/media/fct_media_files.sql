select
    media_file_id,
    interview_id,
    session_id,
    question_id,
    content_type,
    file_size_bytes,
    media_file_status,
    created_at,
    processing_started_at,
    processing_completed_at,
    cast(dateDiff('millisecond', processing_started_at, processing_completed_at) / 1000 as Nullable(Float64)) as processing_seconds
from {{ ref('stg_oltp__media_files') }}
