-- What is paid at the end of a month is what the next one starts with, on each plan.
select month, plan_name, currency, sum(ended) as ended_mrr, sum(started) as started_mrr
from (
    select addMonths(closed.month, 1) as month, plan_name, currency, ending_mrr as ended, toDecimal128(0, 4) as started
    from {{ ref('rollup_revenue_monthly') }} as closed
    -- With its table: `month` alone is what is selected, the month after.
    where closed.month < toStartOfMonth({{ present_day() }})
    union all
    select month, plan_name, currency, toDecimal128(0, 4) as ended, starting_mrr as started
    from {{ ref('rollup_revenue_monthly') }}
)
group by month, plan_name, currency
having ended_mrr != started_mrr
