"""PostgreSQL: the OLTP truth. Connection, migrations and server configuration."""
