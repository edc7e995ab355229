-- The ledger of usage by day.
{{ config(
    materialized='kept_rows',
    schema='staging',
    contract={'enforced': false},
    key='usage_id',
    followed={'usage_tracking': ['id']},
    partition_by='date',
    order_by=['date', 'user_id', 'resource_type', 'usage_id'],
) }}
-- depends_on: {{ ref('int_landed') }}
select
    date,
    user_id,
    toLowCardinality(resource_type) as resource_type,
    usage_id,
    used_count
from {{ ref('fct_usage') }}
where {{ changed_keys('usage_id') }}
settings optimize_move_to_prewhere_if_final = 1
