"""Great Expectations on what was landed, before dbt. Imports `stores` only."""
