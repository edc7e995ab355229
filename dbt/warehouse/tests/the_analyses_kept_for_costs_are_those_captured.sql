-- Each day has the very analyses that PostgreSQL has, of the same customers, models and costs.
select date, sum(captured) as captured_count, sum(kept) as kept_count
from (
    select
        toDate(assumeNotNull(created_at), 'UTC') as date,
        1 as captured,
        0 as kept,
        cityHash64(analysis_result_id, user_id, model_name, model_version, ifNull(toString(processing_cost_usd), '')) as content
    from {{ ref('fct_analysis_results') }}
    where created_at is not null
    union all
    select
        date,
        0,
        1,
        cityHash64(analysis_result_id, user_id, toString(model_name), toString(model_version), ifNull(toString(cost_usd), ''))
    from {{ ref('int_ai_cost__analyses') }}
)
group by date
having sumIf(content, captured = 1) != sumIf(content, kept = 1)
