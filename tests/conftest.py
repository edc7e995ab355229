"""What every test may ask for; the fixtures themselves are in `fix_*.py`."""

import pytest

pytest_plugins = [
    "fix_stack",
    "fix_models",
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
    "fix_capture",
    "fix_kafka",
    "fix_quota",
]

# Begun first, so that no worker is left alone with a long file at the end.
LONGEST = ("test_platform.py", "test_warehouse_rollups.py", "test_openapi_fuzzed.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; the others stay in the order of their folders."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
