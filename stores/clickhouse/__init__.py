"""ClickHouse: analytics. Connection, migrations and server configuration."""
