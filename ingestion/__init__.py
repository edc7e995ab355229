"""A change or an event becomes a row in ClickHouse. Imports `stores` only."""
