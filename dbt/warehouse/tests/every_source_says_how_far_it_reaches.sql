-- Fails with the names that the last refresh left out, or left behind what it had noted.
select int_landed.name, int_landed.data_until, freshness.data_until as rollup_data_until
from {{ ref('int_landed') }} as int_landed
left join {{ ref('rollup_freshness') }} as freshness on freshness.name = int_landed.name
where freshness.name = '' or freshness.data_until < int_landed.data_until
