"""What every test may ask for; the fixtures themselves are in `fix_*.py`."""

pytest_plugins = [
    "fix_stack",
    "fix_definitions",
    "fix_stranger",
    "fix_clickhouse_http",
    "fix_api",
    "fix_interviews",
    "fix_usage",
    "fix_proxy",
    "fix_identity",
    "fix_warehouse",
    "fix_expectations",
    "fix_models",
    "fix_capture",
    "fix_kafka",
    "fix_quota",
]
