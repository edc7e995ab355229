"""The stories that CI tells: two hundred, by two files, so that two workers tell them at a time.

Belongs here: how many, how they are chosen, and telling them. `make test-differential` tells more.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fix_stack import RunningStack
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from differential.outline import Outline, outlines
from differential.rounds import HASH_KEY, KILLS, Round

# Of each of the two files. Two rounds are told at once, each with stores of its own: while one
# waits for a store that was killed, the other has the machine.
EXAMPLE_COUNT = 2
LANES = 2
STORIES_PER_ROUND = 25


def told_in_ci(test: Callable[..., None]) -> Callable[..., None]:
    """Give `test` its stories, always the same ones, and others for a test of another name."""
    chosen: Callable[[Any], Callable[..., None]] = given(
        told=st.lists(
            outlines(),
            min_size=LANES * STORIES_PER_ROUND,
            max_size=LANES * STORIES_PER_ROUND,
            unique_by=lambda outline: outline.seed,
        ),
        first_kills=st.integers(0, len(KILLS) - 1),
    )
    return settings(
        max_examples=EXAMPLE_COUNT,
        deadline=None,
        derandomize=True,
        # The first example of the other phases would be the simplest there is, told again and
        # again; a story that differs is made shorter by hand, with its seed, not while CI waits.
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )(chosen(test))


def tell(stacks: list[RunningStack], told: list[Outline], first_kills: int) -> None:
    """Each lane its share of the stories. Raises what a round finds."""
    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(LANES) as lanes:
        patched.setenv("INTERVIEW_DATA_HOME", str(stacks[0].home.path))
        patched.setenv("CAPTURE_HASH_KEY", HASH_KEY)
        rounds = [
            Round(stack, told[lane::LANES], KILLS[(first_kills + lane) % len(KILLS)])
            for lane, stack in enumerate(stacks)
        ]
        for running in [lanes.submit(each.run) for each in rounds]:
            running.result()
