-- Analyses by the day they were made. What one of unknown cost did cost is not known to be nothing.
{{ config(
    materialized='kept_rows',
    schema='staging',
    contract={'enforced': false},
    key='analysis_result_id',
    followed={'analysis_results': ['id'], 'interviews': ['id']},
    has_made_of=true,
    partition_by='date',
    order_by=['date', 'user_id', 'analysis_result_id'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    toDate(assumeNotNull(created_at), 'UTC') as date,
    analysis_result_id,
    user_id,
    toLowCardinality(model_name) as model_name,
    toLowCardinality(model_version) as model_version,
    processing_cost_usd as cost_usd,
    [interview_id] as made_of
from {{ ref('fct_analysis_results') }}
where created_at is not null and {{ changed_keys('analysis_result_id') }}
settings join_use_nulls = 0, optimize_move_to_prewhere_if_final = 1
