-- Each day has the very entries that the ledger in PostgreSQL has.
select date, sum(captured) as captured_count, sum(kept) as kept_count
from (
    select date, 1 as captured, 0 as kept, cityHash64(usage_id, user_id, resource_type, used_count) as content
    from {{ ref('fct_usage') }}
    union all
    select date, 0, 1, cityHash64(usage_id, user_id, toString(resource_type), used_count)
    from {{ ref('int_usage__entries') }}
)
group by date
having sumIf(content, captured = 1) != sumIf(content, kept = 1)
