-- Each day has the very analyses that PostgreSQL has, of the same customers, models and costs.
with
captured as (
    select
        toDate(assumeNotNull(created_at), 'UTC') as date,
        analysis_result_id,
        user_id,
        model_name,
        model_version,
        processing_cost_usd as cost_usd
    from {{ ref('fct_analysis_results') }}
    where created_at is not null
)

{{ days_that_differ('captured', ref('int_ai_cost__analyses'), ['analysis_result_id', 'user_id', 'model_name', 'model_version', 'cost_usd']) }}
