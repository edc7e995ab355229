-- Jobs carry no time of their making, and those of a file run one after another: a job waits since
-- the upload, or since the last job of the same file that was over before it began.
with
files as (
    select media_file_id, interview_id, created_at
    from {{ ref('stg_oltp__media_files') }}
),

ended as (
    select assumeNotNull(media_file_id) as media_file_id, groupArray(assumeNotNull(completed_at)) as ended_at
    from {{ ref('stg_oltp__processing_jobs') }}
    where media_file_id is not null and completed_at is not null
    group by media_file_id
)

select
    jobs.processing_job_id as processing_job_id,
    jobs.media_file_id as media_file_id,
    files.interview_id as interview_id,
    interviews.user_id as user_id,
    jobs.job_type as job_type,
    jobs.job_status as job_status,
    jobs.progress_ratio as progress_ratio,
    if(
        jobs.started_at is null,
        files.created_at,
        greatest(
            ifNull(files.created_at, assumeNotNull(jobs.started_at)),
            arrayMax(arrayConcat(
                [toDateTime64(0, 6, 'UTC')],
                arrayFilter(at -> at <= assumeNotNull(jobs.started_at), ended.ended_at)
            ))
        )
    ) as queued_at,
    jobs.started_at as started_at,
    jobs.completed_at as completed_at,
    cast(dateDiff('millisecond', queued_at, jobs.started_at) / 1000 as Nullable(Float64)) as queue_seconds,
    cast(dateDiff('millisecond', jobs.started_at, jobs.completed_at) / 1000 as Nullable(Float64)) as processing_seconds,
    toBool(ifNull(jobs.error_message, '') != '' or ifNull(jobs.job_status = 'failed', false)) as is_failed,
    if(is_failed, if(ifNull(jobs.error_message, '') = '', 'unstated', trim(splitByChar(':', assumeNotNull(jobs.error_message))[1])), '') as failure_type
from {{ ref('stg_oltp__processing_jobs') }} as jobs
left join files on files.media_file_id = jobs.media_file_id
left join ended on ended.media_file_id = jobs.media_file_id
left join {{ ref('stg_oltp__interviews') }} as interviews on interviews.interview_id = files.interview_id
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
