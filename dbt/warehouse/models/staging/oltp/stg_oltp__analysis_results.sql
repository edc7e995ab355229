select
    cast(analysis_results.id as UUID) as analysis_result_id,
    cast(analysis_results.interview_id as UUID) as interview_id,
    cast(analysis_results.session_id as UUID) as session_id,
    cast(analysis_results.media_file_id as Nullable(UUID)) as media_file_id,
    cast(analysis_results.transcription_text as Nullable(String)) as transcription_text,
    cast(analysis_results.confidence_score as Nullable(Float64)) as confidence_score,
    cast(analysis_results.sentiment_analysis as Nullable(String)) as sentiment_analysis_json,
    cast(analysis_results.keywords as Nullable(String)) as keywords_json,
    cast(analysis_results.skills_assessment as Nullable(String)) as skills_assessment_json,
    cast(analysis_results.overall_score as Nullable(Float64)) as overall_score,
    cast(analysis_results.ai_model_version as Nullable(String)) as ai_model_version,
    cast(analysis_results.processing_cost_usd as Nullable(Decimal(10, 4))) as processing_cost_usd,
    cast(analysis_results.created_at as Nullable(DateTime64(6, 'UTC'))) as created_at
from {{ source('oltp', 'analysis_results') }} as analysis_results
where {{ without_quarantined('analysis_results', 'analysis_results.id') }}
