-- Each day has as many analyses in the rollup as were captured, at the same cost.
select date, sum(fact_count) as fact_count, sum(rollup_count) as rollup_count, sum(fact_cost_usd) as fact_cost_usd, sum(rollup_cost_usd) as rollup_cost_usd
from (
    select
        toDate(assumeNotNull(created_at), 'UTC') as date,
        1 as fact_count,
        0 as rollup_count,
        toDecimal128(ifNull(processing_cost_usd, 0), 4) as fact_cost_usd,
        toDecimal128(0, 4) as rollup_cost_usd
    from {{ ref('stg_oltp__analysis_results') }}
    where created_at is not null
    union all
    select date, 0, analysis_count, toDecimal128(0, 4), toDecimal128(cost_usd, 4)
    from {{ ref('rollup_ai_cost_daily') }}
)
group by date
having fact_count != rollup_count or fact_cost_usd != rollup_cost_usd
