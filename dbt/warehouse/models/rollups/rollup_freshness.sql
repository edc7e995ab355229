-- Last of all: if a rollup fails, dbt skips this one, and the old freshness stays true.
{{ config(materialized='table', tags=['watermark'], engine='MergeTree()', order_by='name') }}
-- depends_on: {{ ref('rollup_user_activity_daily') }}
-- depends_on: {{ ref('rollup_usage_daily') }}
-- depends_on: {{ ref('rollup_usage_monthly') }}
-- depends_on: {{ ref('rollup_api_health_hourly') }}
select
    toLowCardinality(name) as name,
    data_until,
    now64(3, 'UTC') as refreshed_at
from {{ ref('int_landed') }}
