-- A source without a row is new, or was emptied by mistake; every number behind it is 0.
select name as source_name, data_until
from {{ ref('stg_landed__sources') }}
where data_until = toDateTime64('1970-01-01 00:00:00', 3, 'UTC')
