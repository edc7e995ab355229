select
    analysis_result_id,
    interview_id,
    session_id,
    media_file_id,
    ai_model_version,
    confidence_score,
    overall_score,
    processing_cost_usd,
    lengthUTF8(ifNull(transcription_text, '')) as transcription_characters_count,
    created_at
from {{ ref('stg_oltp__analysis_results') }}
