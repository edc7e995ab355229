-- Periods of a customer must not overlap, or a day would be judged twice.
select user_id, subscription_period_id, valid_from_date, earlier_until_date
from (
    select
        user_id,
        subscription_period_id,
        valid_from_date,
        lagInFrame(valid_until_date) over (
            partition by user_id order by began_at rows between 1 preceding and current row
        ) as earlier_until_date
    from {{ ref('fct_subscription_periods') }}
)
where valid_from_date < earlier_until_date
