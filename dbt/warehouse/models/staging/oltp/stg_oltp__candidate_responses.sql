select
    cast(candidate_responses.id as UUID) as response_id,
    cast(candidate_responses.session_id as Nullable(UUID)) as session_id,
    cast(candidate_responses.question_id as UUID) as question_id,
    cast(candidate_responses.media_file_id as Nullable(UUID)) as media_file_id,
    cast(candidate_responses.duration_seconds as Nullable(Int32)) as duration_seconds,
    cast(candidate_responses.recorded_at as Nullable(DateTime64(6, 'UTC'))) as recorded_at,
    cast(candidate_responses.metadata as Nullable(String)) as metadata_json
from {{ source('oltp', 'candidate_responses') }} as candidate_responses
where {{ without_quarantined('candidate_responses', 'candidate_responses.id') }}
