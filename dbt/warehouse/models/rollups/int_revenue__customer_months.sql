-- What each customer pays a month, by the subscription in force on the month's last day, or today.
-- Beginning with the first month that anything was paid in, without a gap, up to the present one.
{{ config(materialized='view', schema='staging', contract={'enforced': false}) }}
with
ends as (
    select
        addMonths(earliest.month, number) as month,
        least(addMonths(month, 1) - 1, {{ present_day() }}) as judged_on
    from (
        select toStartOfMonth(min(valid_from_date)) as month
        from {{ ref('fct_subscription_periods') }}
        where monthly_price > 0
    ) as earliest
    inner join (select arrayJoin(range(0, 1200)) as number) as months on true
    where month <= {{ present_day() }}
),

paid as (
    select
        ends.month as month,
        periods.user_id as user_id,
        any(periods.plan_name) as plan_name,
        any(periods.currency) as currency,
        any(periods.monthly_price) as mrr
    from {{ ref('fct_subscription_periods') }} as periods
    inner join ends on true
    where periods.valid_from_date <= ends.judged_on and ends.judged_on < periods.valid_until_date
        and periods.monthly_price > 0
    group by month, user_id
),

customers as (
    select user_id, min(month) as first_month from paid group by user_id
)

select
    ends.month as month,
    customers.user_id as user_id,
    customers.first_month as first_month,
    paid.plan_name as plan_name,
    paid.currency as currency,
    paid.mrr as mrr
from customers
inner join ends on true
left join paid on paid.user_id = customers.user_id and paid.month = ends.month
where ends.month >= customers.first_month
settings join_use_nulls = 0
