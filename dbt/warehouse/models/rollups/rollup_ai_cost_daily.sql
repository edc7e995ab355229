-- One row for each model that a customer's candidates were analysed by on a day.
{%- set keys = ['user_id', 'toString(model_name)', 'toString(model_version)'] %}
{{ config(
    materialized='restated_slices',
    compared_with='int_ai_cost__analyses',
    slice='date',
    source_measure=fingerprint(keys, {'analyses': '1', 'unpriced': 'cost_usd is null', 'cost': 'ifNull(cost_usd, 0) * 10000'}),
    own_slice='date',
    own_measure=fingerprint(keys, {'analyses': 'analysis_count', 'unpriced': 'unpriced_count', 'cost': 'cost_usd * 10000'}),
    own_count='sum(analysis_count)',
    sliced_sources={'int_ai_cost__analyses': 'day'},
    partition_by='date',
    order_by=['date', 'user_id', 'model_name', 'model_version'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    date,
    user_id,
    toLowCardinality(model_name) as model_name,
    toLowCardinality(model_version) as model_version,
    count() as analysis_count,
    countIf(analyses.cost_usd is null) as unpriced_count,
    cast(sum(ifNull(analyses.cost_usd, 0)) as Decimal(18, 4)) as cost_usd
from {{ ref('int_ai_cost__analyses') }} as analyses
where {{ touched_slices('date') }}
group by date, user_id, model_name, model_version
