"""One interview with its questions: from the cache, and from PostgreSQL where that cannot be.

Belongs here: in which order they are asked, and that of many who ask at once only one fills.
What the cache promises is in `stores.redis_store.interview_cache`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import FastAPI, Request

from serving.database import pool_of
from serving.ingest.grouping import Grouped
from serving.interview_documents import read_interview
from serving.metrics import INTERVIEW_READS
from stores.errors import StoreUnavailable
from stores.redis_store.interview_cache import Cached, InterviewCache

# Reads that come together share a round trip, up to so many.
READ_LIMIT = 200
# For so long others wait for whoever fills; after that they ask PostgreSQL themselves.
FILL_WAIT_SECONDS = 1.0
FILL_POLL_SECONDS = 0.02
# Who comes later than this after a reading began does not share it: it may be of before a change.
SHARED_SECONDS = 0.25

_HIT, _MISS, _UNCACHED = (
    INTERVIEW_READS.labels(source) for source in ("cache", "filled", "postgresql")
)

Load = Callable[[UUID], Awaitable[bytes | None]]


class Interviews:
    """One for the application. `load` reads from PostgreSQL; None where there is none."""

    def __init__(self, cache: InterviewCache, load: Load) -> None:
        self._cache = cache
        self._load = load
        self._reading: Grouped[UUID, Cached] = Grouped(cache.read, lambda _: 1, READ_LIMIT)
        self._filling: dict[UUID, tuple[float, asyncio.Task[bytes | None]]] = {}

    async def read(self, identity: UUID) -> bytes | None:
        """The interview as it is answered. Raises TransientError where PostgreSQL is needed."""
        try:
            found = await self._reading.submit(identity)
        except StoreUnavailable:
            found = Cached(None, is_watched=False)
        if not found.is_watched:
            _UNCACHED.inc()
            return await self._shared(identity, self._load)
        if found.body is not None:
            _HIT.inc()
            return found.body
        _MISS.inc()
        return await self._shared(identity, self._fill)

    async def close(self) -> None:
        """Let go of the cache."""
        await self._reading.drain()
        await self._cache.close()

    async def _shared(self, identity: UUID, load: Load) -> bytes | None:
        """One reading for all who ask within this process."""
        began_at, task = self._filling.get(identity, (0.0, None))
        now = time.monotonic()
        if task is None or now - began_at > SHARED_SECONDS:
            task = asyncio.ensure_future(load(identity))
            self._filling[identity] = now, task
            task.add_done_callback(lambda done: self._filled(identity, done))
        return await asyncio.shield(task)

    def _filled(self, identity: UUID, done: "asyncio.Future[bytes | None]") -> None:
        if self._filling.get(identity, (0.0, None))[1] is done:
            del self._filling[identity]
        if not done.cancelled():
            # Somebody may have gone away; the error was theirs to hear.
            done.exception()

    async def _fill(self, identity: UUID) -> bytes | None:
        """Read and keep it, or wait for the process that does."""
        try:
            token = await self._cache.lease(identity)
            if token is None:
                return await self._wait(identity) or await self._load(identity)
        except StoreUnavailable:
            return await self._load(identity)
        body = None
        try:
            body = await self._load(identity)
        finally:
            await self._settle(identity, token, body)
        return body

    async def _settle(self, identity: UUID, token: str, body: bytes | None) -> None:
        try:
            if body is None:
                await self._cache.give_up(identity, token)
            else:
                await self._cache.land(identity, token, body)
        except StoreUnavailable:
            # The lease ends by itself.
            return

    async def _wait(self, identity: UUID) -> bytes | None:
        deadline = time.monotonic() + FILL_WAIT_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(FILL_POLL_SECONDS)
            found = await self._reading.submit(identity)
            if found.body is not None and found.is_watched:
                return found.body
        return None


async def of_application(request: Request) -> Interviews:
    """The application's, as a dependency; made when first asked."""
    state = request.app.state
    if not hasattr(state, "interviews"):
        app: FastAPI = request.app

        async def load(identity: UUID) -> bytes | None:
            return await read_interview(pool_of(app), identity)

        state.interviews = Interviews(InterviewCache(), load)
    return state.interviews  # type: ignore[no-any-return]  # state is untyped


async def close_of_application(app: FastAPI) -> None:
    """Let go of the cache where it was used."""
    made: Interviews | None = getattr(app.state, "interviews", None)
    if made is not None:
        await made.close()
