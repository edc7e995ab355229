-- Noted before the rollups are built, which all depend on it: a row that lands while they
-- are being built must not be claimed to be in them.
{{ config(materialized='table', tags=['watermark'], engine='MergeTree()', order_by='name') }}
select name, data_until
from {{ ref('stg_landed__sources') }}
