-- The product writes the model as name-version, or as the version alone; both lead to the model,
-- unless several models have that version.
with
names as (
    select
        arrayJoin([concat(model_name, '-', model_version), model_version]) as written_as,
        ai_model_id,
        model_name,
        model_version
    from {{ ref('stg_oltp__ai_models') }}
),

models as (
    select written_as, any((ai_model_id, model_name, model_version)) as named
    from names
    group by written_as
    having uniqExact(ai_model_id) = 1
),

results as (
    select
        results.*,
        interviews.user_id as user_id,
        ifNull(results.sentiment_analysis_json, '') as sentiment_json,
        ifNull(results.ai_model_version, '') as written_as
    from {{ ref('stg_oltp__analysis_results') }} as results
    left join {{ ref('stg_oltp__interviews') }} as interviews on interviews.interview_id = results.interview_id
)

select
    results.analysis_result_id as analysis_result_id,
    results.interview_id as interview_id,
    results.user_id as user_id,
    results.session_id as session_id,
    results.media_file_id as media_file_id,
    results.ai_model_version as ai_model_version,
    if(models.written_as = '', null, models.named.1) as ai_model_id,
    multiIf(models.written_as != '', models.named.2, results.written_as != '', results.written_as, 'unstated') as model_name,
    if(models.written_as = '', 'unstated', models.named.3) as model_version,
    results.confidence_score as confidence_score,
    results.overall_score as overall_score,
    if(JSONExtractString(results.sentiment_json, 'label') = '', 'unstated', JSONExtractString(results.sentiment_json, 'label')) as sentiment_label,
    JSONExtract(results.sentiment_json, 'score', 'Nullable(Float64)') as sentiment_score,
    results.processing_cost_usd as processing_cost_usd,
    lengthUTF8(ifNull(results.transcription_text, '')) as transcription_characters_count,
    results.created_at as created_at
from results
left join models on models.written_as = results.written_as
-- A reader's own setting must not change what a missed join gives.
settings join_use_nulls = 0
