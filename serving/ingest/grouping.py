"""Requests that arrive at the same time share one round trip.

Belongs here: collecting and handing out. While a group is under way the next one fills, so
nobody waits for a timer, and the more requests there are the larger the groups become.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Grouped(Generic[Item, Result]):
    """Calls `work` with what came together; each item gets its own result, or the one error.

    At most `parallel` groups are under way, each of items that weigh `limit` together, or one
    that weighs more.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        weigh: Callable[[Item], int],
        limit: int,
        parallel: int = 2,
    ) -> None:
        self._work = work
        self._weigh = weigh
        self._limit = limit
        self._parallel = parallel
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._is_starting = False

    async def submit(self, item: Item) -> Result:
        """The item's result. Raises what `work` raised."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._start()
        return await future

    async def drain(self) -> None:
        """Until nothing is under way."""
        while self._running:
            await asyncio.wait(self._running)

    def _start(self) -> None:
        if self._waiting and not self._is_starting and len(self._running) < self._parallel:
            self._is_starting = True
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._finished)

    def _next_group(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        weight = count = 0
        for item, _ in self._waiting:
            weight += self._weigh(item)
            if count and weight > self._limit:
                break
            count += 1
        group = self._waiting[:count]
        del self._waiting[:count]
        return group

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    async def _run(self) -> None:
        # Not taken before: whoever is ready in the same turn of the loop comes along.
        self._is_starting = False
        group = self._next_group()
        self._start()
        try:
            results = await self._work([item for item, _ in group])
        except Exception as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            # A client that went away has cancelled its future.
            if not future.done():
                future.set_result(result)
