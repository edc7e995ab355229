select
    cast(candidate_sessions.id as UUID) as session_id,
    cast(candidate_sessions.interview_id as UUID) as interview_id,
    cast(candidate_sessions.candidate_email as Nullable(String)) as candidate_email,
    cast(candidate_sessions.candidate_name as Nullable(String)) as candidate_name,
    cast(candidate_sessions.status as Nullable(String)) as session_status,
    cast(candidate_sessions.started_at as Nullable(DateTime64(6, 'UTC'))) as started_at,
    cast(candidate_sessions.completed_at as Nullable(DateTime64(6, 'UTC'))) as completed_at,
    cast(candidate_sessions.user_agent as Nullable(String)) as user_agent,
    cast(candidate_sessions.ip_address as Nullable(String)) as ip_address,
    cast(candidate_sessions.metadata as Nullable(String)) as metadata_json
from {{ source('oltp', 'candidate_sessions') }} as candidate_sessions
where {{ without_quarantined('candidate_sessions', 'candidate_sessions.id') }}
