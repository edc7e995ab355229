-- Judged by the periods of subscriptions, all of which are few: a plan whose price changed, or a
-- subscription that was corrected, restates the months it was in force in.
{%- set amounts = ['starting', 'new', 'reactivation', 'expansion', 'contraction', 'churned', 'moved_in', 'moved_out', 'ending'] %}
{%- set own, source = {}, {} %}
{%- for amount in amounts %}
{%- do own.update({amount: amount ~ '_mrr * 10000'}) %}
{%- endfor %}
{%- do source.update(own) %}
{%- for count, amount in [('paying', 'ending'), ('new', 'new'), ('reactivated', 'reactivation'), ('churned', 'churned')] %}
{%- do own.update({count ~ '_customers': count ~ '_customer_count'}) %}
{%- do source.update({count ~ '_customers': amount ~ '_mrr > 0'}) %}
{%- endfor %}
{%- set keys = ['toString(plan_name)', 'toString(currency)'] %}
{{ config(
    materialized='restated_slices',
    compared_with='int_revenue__movements',
    slice='month',
    source_measure=fingerprint(keys, source),
    own_slice='month',
    own_measure=fingerprint(keys, own),
    own_count='toInt64(sum(ending_mrr))',
    slice_ends='addMonths(slice, 1)',
    partition_by='month',
    order_by=['month', 'plan_name', 'currency'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    month,
    toLowCardinality(plan_name) as plan_name,
    toLowCardinality(currency) as currency,
    uniqExactIf(user_id, movements.ending_mrr > 0) as paying_customer_count,
    uniqExactIf(user_id, movements.new_mrr > 0) as new_customer_count,
    uniqExactIf(user_id, movements.reactivation_mrr > 0) as reactivated_customer_count,
    uniqExactIf(user_id, movements.churned_mrr > 0) as churned_customer_count,
    {%- for amount in amounts %}
    cast(sum(movements.{{ amount }}_mrr) as Decimal(18, 4)) as {{ amount }}_mrr{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('int_revenue__movements') }} as movements
where {{ touched_slices('month') }}
group by month, plan_name, currency
