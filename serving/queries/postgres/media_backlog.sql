-- Files that wait or failed, the oldest first, from after the row that a cursor names.
SELECT
    backlog.media_file_id,
    backlog.interview_id,
    backlog.user_id,
    backlog.media_file_status,
    backlog.content_type,
    backlog.file_size_bytes,
    backlog.created_at,
    backlog.waiting_seconds,
    backlog.pending_job_count,
    backlog.running_job_count,
    backlog.failed_job_count,
    backlog.completed_job_count,
    backlog.failed_job_type,
    backlog.is_failed,
    coalesce(backlog.created_at, '1970-01-01Z'::timestamptz) AS sorted_at
FROM operational.media_backlog AS backlog
WHERE (%(user_id)s::uuid IS NULL OR backlog.user_id = %(user_id)s)
    AND (%(is_failed)s::boolean IS NULL OR backlog.is_failed = %(is_failed)s)
    AND (%(waiting_from)s::bigint IS NULL OR backlog.waiting_seconds >= %(waiting_from)s)
    AND (
        %(after_created_at)s::timestamptz IS NULL
        OR (coalesce(backlog.created_at, '1970-01-01Z'::timestamptz), backlog.media_file_id)
            > (%(after_created_at)s, %(after_id)s::uuid)
    )
ORDER BY sorted_at, backlog.media_file_id
LIMIT %(row_limit)s
