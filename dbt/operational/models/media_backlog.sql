-- Files that are not processed yet, or failed, with how far their jobs have come.
with
jobs as (
    select
        media_file_id,
        count(*) filter (where status = 'pending') as pending_job_count,
        count(*) filter (where status = 'running') as running_job_count,
        count(*) filter (where status = 'failed') as failed_job_count,
        count(*) filter (where status = 'completed') as completed_job_count,
        min(job_type) filter (where status = 'failed') as failed_job_type,
        max(completed_at) as last_job_completed_at
    from {{ source('postgres', 'processing_jobs') }}
    group by media_file_id
)

select
    media_files.id as media_file_id,
    media_files.interview_id,
    interviews.created_by as user_id,
    media_files.status::text as media_file_status,
    media_files.content_type::text as content_type,
    media_files.file_size_bytes,
    media_files.created_at,
    greatest(extract(epoch from {{ this_moment() }} - media_files.created_at), 0)::bigint as waiting_seconds,
    coalesce(jobs.pending_job_count, 0)::bigint as pending_job_count,
    coalesce(jobs.running_job_count, 0)::bigint as running_job_count,
    coalesce(jobs.failed_job_count, 0)::bigint as failed_job_count,
    coalesce(jobs.completed_job_count, 0)::bigint as completed_job_count,
    jobs.failed_job_type::text as failed_job_type,
    coalesce(media_files.status = 'failed' or jobs.failed_job_count > 0, false) as is_failed
from {{ source('postgres', 'media_files') }} as media_files
inner join {{ source('postgres', 'interviews') }} as interviews on interviews.id = media_files.interview_id
left join jobs on jobs.media_file_id = media_files.id
where media_files.status is distinct from 'processed'
    or jobs.pending_job_count + jobs.running_job_count + jobs.failed_job_count > 0
