-- Analyses by the day they were made. What one of unknown cost did cost is not known to be nothing.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
select
    toDate(assumeNotNull(created_at), 'UTC') as date,
    user_id,
    model_name,
    model_version,
    processing_cost_usd as cost_usd
from {{ ref('fct_analysis_results') }}
where created_at is not null
