select
    cast(processing_jobs.id as UUID) as processing_job_id,
    cast(processing_jobs.media_file_id as Nullable(UUID)) as media_file_id,
    cast(processing_jobs.job_type as String) as job_type,
    cast(processing_jobs.status as Nullable(String)) as job_status,
    cast(processing_jobs.progress as Nullable(Float64)) as progress_ratio,
    cast(processing_jobs.started_at as Nullable(DateTime64(6, 'UTC'))) as started_at,
    cast(processing_jobs.completed_at as Nullable(DateTime64(6, 'UTC'))) as completed_at,
    cast(processing_jobs.error_message as Nullable(String)) as error_message,
    cast(processing_jobs.result_data as Nullable(String)) as result_data_json
from {{ source('oltp', 'processing_jobs') }} as processing_jobs
where {{ without_quarantined('processing_jobs', 'processing_jobs.id') }}
