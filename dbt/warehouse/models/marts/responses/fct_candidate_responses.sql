select
    response_id,
    session_id,
    question_id,
    media_file_id,
    duration_seconds,
    recorded_at
from {{ ref('stg_oltp__candidate_responses') }}
