"""The stores that stories break."""

import shutil
from collections.abc import Iterator

import pytest
from fix_stack import RunningStack, new_home, start_stack

from differential.in_ci import LANES


@pytest.fixture(scope="module")
def breakable_stacks() -> Iterator[list[RunningStack]]:
    """PostgreSQL and ClickHouse for each lane."""
    stacks = [start_stack(new_home(), ["postgres", "clickhouse"]) for _ in range(LANES)]
    try:
        for running in stacks:
            running.wait_ready()
        yield stacks
    finally:
        for running in stacks:
            running.stop()
            shutil.rmtree(running.home.path, ignore_errors=True)
