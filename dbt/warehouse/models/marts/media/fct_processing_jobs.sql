select
    processing_job_id,
    media_file_id,
    job_type,
    job_status,
    progress_ratio,
    started_at,
    completed_at,
    cast(dateDiff('millisecond', started_at, completed_at) / 1000 as Nullable(Float64)) as processing_seconds,
    toBool(ifNull(error_message, '') != '') as is_failed
from {{ ref('stg_oltp__processing_jobs') }}
