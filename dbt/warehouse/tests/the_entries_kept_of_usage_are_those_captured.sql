-- Each day has the very entries that the ledger in PostgreSQL has.
{{ days_that_differ(ref('fct_usage'), ref('int_usage__entries'), ['usage_id', 'user_id', 'resource_type', 'used_count']) }}
