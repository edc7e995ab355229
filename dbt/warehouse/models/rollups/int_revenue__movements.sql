-- How what a customer pays a month changed since the month before, under exactly one name: new,
-- reactivated (paid before, but not the month before), expanded, contracted, churned. Who changes
-- the plan is also moved from one to the other, so that the months of each plan add up. A change
-- of currency is churn of the one and a beginning in the other.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
months as (
    select
        month,
        user_id,
        first_month,
        plan_name,
        currency,
        mrr,
        lagInFrame(plan_name) over previous_month as plan_name_before,
        lagInFrame(currency) over previous_month as currency_before,
        lagInFrame(mrr) over previous_month as mrr_before
    from {{ ref('int_revenue__customer_months') }}
    window previous_month as (partition by user_id order by month rows between 1 preceding and current row)
),

judged as (
    select
        *,
        mrr > 0 and mrr_before > 0 and currency = currency_before as is_kept,
        is_kept and plan_name != plan_name_before as is_moved
    from months
    where mrr > 0 or mrr_before > 0
),

sides as (
    -- What the customer pays now, on the plan of now.
    select
        month,
        user_id,
        plan_name,
        currency,
        if(is_moved, 0, if(is_kept, mrr_before, 0)) as starting_mrr,
        if(not is_kept and month = first_month, mrr, 0) as new_mrr,
        if(not is_kept and month != first_month, mrr, 0) as reactivation_mrr,
        if(is_kept and mrr > mrr_before, mrr - mrr_before, 0) as expansion_mrr,
        if(is_kept and mrr < mrr_before, mrr_before - mrr, 0) as contraction_mrr,
        0 as churned_mrr,
        if(is_moved, mrr_before, 0) as moved_in_mrr,
        0 as moved_out_mrr,
        mrr as ending_mrr
    from judged
    where mrr > 0
    union all
    -- What the customer paid before, where the plan of then is not that of now.
    select
        month,
        user_id,
        plan_name_before as plan_name,
        currency_before as currency,
        mrr_before as starting_mrr,
        0 as new_mrr,
        0 as reactivation_mrr,
        0 as expansion_mrr,
        0 as contraction_mrr,
        if(is_moved, 0, mrr_before) as churned_mrr,
        0 as moved_in_mrr,
        if(is_moved, mrr_before, 0) as moved_out_mrr,
        0 as ending_mrr
    from judged
    where mrr_before > 0 and (is_moved or not is_kept)
)

select
    month,
    user_id,
    plan_name,
    currency,
    {%- for amount in ['starting', 'new', 'reactivation', 'expansion', 'contraction', 'churned', 'moved_in', 'moved_out', 'ending'] %}
    cast({{ amount }}_mrr as Decimal(18, 4)) as {{ amount }}_mrr{{ ',' if not loop.last }}
    {%- endfor %}
from sides
