"""Random stories: every row and every column is what PostgreSQL holds.

A failure names its stories; `make test-differential STORY=…` tells one alone, and
`make test-differential MINUTES=…` tells new ones for as long as wanted.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fix_capture import Capture
from fix_stack import RunningStack, new_home, start_stack
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from differential.oracle import compare
from differential.outline import Outline, outlines
from differential.rounds import HASH_KEY, KILLS, Round

# Two hundred stories; `make test-differential` tells more. Two rounds are told at once, each with
# stores of its own: while one waits for a store that was killed, the other has the machine.
EXAMPLE_COUNT = 4
LANES = 2
STORIES_PER_ROUND = 25


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


@pytest.mark.timeout(900)
@settings(
    max_examples=EXAMPLE_COUNT,
    deadline=None,
    derandomize=True,
    # The first example of the other phases would be the simplest there is, told again and again; a
    # story that differs is made shorter by hand, with its seed, not while CI waits.
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
@given(
    told=st.lists(
        outlines(),
        min_size=LANES * STORIES_PER_ROUND,
        max_size=LANES * STORIES_PER_ROUND,
        unique_by=lambda outline: outline.seed,
    ),
    first_kills=st.integers(0, len(KILLS) - 1),
)
def test_random_tables_under_random_changes_and_kills_are_equal_row_by_row(
    breakable_stacks: list[RunningStack],
    told: list[Outline],
    first_kills: int,
) -> None:
    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(LANES) as lanes:
        patched.setenv("INTERVIEW_DATA_HOME", str(breakable_stacks[0].home.path))
        patched.setenv("CAPTURE_HASH_KEY", HASH_KEY)
        rounds = [
            Round(stack, told[lane::LANES], KILLS[(first_kills + lane) % len(KILLS)])
            for lane, stack in enumerate(breakable_stacks)
        ]
        for running in [lanes.submit(each.run) for each in rounds]:
            running.result()


def test_the_oracle_sees_a_single_value_that_differs_and_a_row_too_many(capture: Capture) -> None:
    capture.sql(
        "CREATE TABLE judged"
        " (id int PRIMARY KEY, at timestamptz, price numeric(10,2), tags text[])",
        "INSERT INTO judged SELECT n, '2024-01-01Z', n / 3.0, ARRAY['a', NULL] FROM"
        " generate_series(1, 50) n",
    )
    capture.publish("judged")
    capture.settle()
    options = capture.options
    arguments = (options.source_url, "judged", capture.clickhouse, options.target_database)
    assert compare(*arguments) is None
    insert = (
        f"INSERT INTO {options.target_database}_log.judged"
        " (id, at, price, tags, _version, _is_deleted) SELECT {}, '2024-01-01', 1, ['a', NULL],"
        " toUInt128('340282366920938463463374607431768211455'), 0"
    )
    capture.clickhouse.command(insert.format(7))
    found = compare(*arguments)
    assert found is not None
    assert [row[0] for row in found.only_source + found.only_target] == [7, 7]
    capture.clickhouse.command(insert.format(51))
    found = compare(*arguments)
    assert found is not None
    assert {row[0] for row in found.only_target} == {7, 51}
