"""The other half of the stories that CI tells."""

import pytest
from fix_stack import RunningStack

from differential.in_ci import tell, told_in_ci
from differential.outline import Outline


@pytest.mark.timeout(900)
@told_in_ci
def test_further_random_tables_are_equal_row_by_row(
    breakable_stacks: list[RunningStack], told: list[Outline], first_kills: int
) -> None:
    tell(breakable_stacks, told, first_kills)
