"""Requests that come together share one round trip, and none is forgotten."""

import asyncio
from collections.abc import Sequence

import pytest

from serving.ingest.grouping import Grouped


async def _ask(items: Sequence[int], limit: int, parallel: int) -> tuple[list[list[int]], int]:
    """The groups in which `items`, which weigh what they are, were worked on; and the most at a
    time."""
    groups: list[list[int]] = []
    running = most = 0

    async def work(group: Sequence[int]) -> list[str]:
        nonlocal running, most
        groups.append(list(group))
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return [str(item) for item in group]

    grouped: Grouped[int, str] = Grouped(work, lambda item: item, limit, parallel)
    found = await asyncio.gather(*(grouped.submit(item) for item in items))
    assert found == [str(item) for item in items]
    return groups, most


def test_who_comes_in_the_same_turn_of_the_loop_shares_one_group() -> None:
    assert asyncio.run(_ask([1] * 50, 100, 2)) == ([[1] * 50], 1)


def test_groups_keep_to_their_weight_and_no_more_are_under_way_than_may_be() -> None:
    groups, most = asyncio.run(_ask([3, 3, 3, 9, 1, 1, 4, 2], 6, 2))
    assert groups == [[3, 3], [3], [9], [1, 1, 4], [2]]
    assert most == 2


def test_an_error_reaches_all_of_its_group_and_the_next_are_served() -> None:
    async def fails_once() -> None:
        calls = []

        async def work(group: Sequence[int]) -> Sequence[int]:
            calls.append(group)
            if len(calls) == 1:
                raise OSError("away")
            return group

        grouped: Grouped[int, int] = Grouped(work, lambda _: 1, 10)
        found = await asyncio.gather(*(grouped.submit(n) for n in range(3)), return_exceptions=True)
        assert [type(each) for each in found] == [OSError] * 3
        assert await grouped.submit(7) == 7

    asyncio.run(fails_once())


def test_who_goes_away_takes_nobody_along_and_draining_waits_for_the_rest() -> None:
    async def one_leaves() -> None:
        done = []

        async def work(group: Sequence[int]) -> Sequence[int]:
            await asyncio.sleep(0.01)
            done.extend(group)
            return group

        grouped: Grouped[int, int] = Grouped(work, lambda _: 1, 2, 1)
        asked = [asyncio.create_task(grouped.submit(number)) for number in range(5)]
        await asyncio.sleep(0)
        asked[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked[0]
        await grouped.drain()
        assert sorted(done) == [0, 1, 2, 3, 4]
        assert [await task for task in asked[1:]] == [1, 2, 3, 4]

    asyncio.run(one_leaves())
