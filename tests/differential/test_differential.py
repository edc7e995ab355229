"""Random stories: every row and every column is what PostgreSQL holds.

A failure names its stories; `make test-differential STORY=…` tells one alone, and
`make test-differential MINUTES=…` tells new ones for as long as wanted.
"""

import pytest
from fix_capture import Capture
from fix_stack import RunningStack

from differential.in_ci import tell, told_in_ci
from differential.oracle import compare
from differential.outline import Outline


@pytest.mark.timeout(900)
@told_in_ci
def test_random_tables_under_random_changes_and_kills_are_equal_row_by_row(
    breakable_stacks: list[RunningStack], told: list[Outline], first_kills: int
) -> None:
    tell(breakable_stacks, told, first_kills)


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
