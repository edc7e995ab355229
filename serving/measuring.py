"""The API measures itself: each request becomes a row of `analytics.api_metrics`, by the bus.

Belongs here: what is recorded of a request and how it gets to the bus without slowing the
request. A row names the route's template, never a path with somebody's id in it.

Rows wait in memory for at most FLUSH_SECONDS. While the bus is away they are kept up to
BUFFER_LIMIT; beyond that, and at a kill, rows are lost, and those dropped are counted.
"""

import asyncio
import contextlib
import logging
import uuid
from datetime import UTC, datetime

from starlette.types import Scope

from stores.errors import StoreUnavailable, TransientError
from stores.event_bus import interface
from stores.event_bus.contracts import NO_UUID, ApiMetric
from stores.event_bus.rows import API_METRIC, utc_text

logger = logging.getLogger(__name__)

SERVICE_NAME = "interview-data-api"
UNMATCHED = "(unmatched)"
FLUSH_SECONDS = 0.5
BUFFER_LIMIT = 20_000
_FLUSH_LIMIT = 1000
_CLOSE_TIMEOUT_SECONDS = 5.0
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Recorder:
    """Collects rows and publishes them in the background."""

    def __init__(self) -> None:
        self._rows: list[bytes] = []
        self._publisher: interface.AsyncPublisher | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_closing = asyncio.Event()
        self.dropped_count = 0

    def record(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Remember one request served; takes microseconds."""
        if len(self._rows) >= BUFFER_LIMIT:
            self.dropped_count += 1
            return
        now = datetime.now(UTC)
        metric = ApiMetric.model_construct(
            request_id=str(uuid.uuid4()),
            method=method if method in _METHODS else "OTHER",
            endpoint=endpoint,
            status_code=status,
            response_time_ms=round(seconds * 1000),
            user_id=NO_UUID,
            service_name=SERVICE_NAME,
            timestamp=now,
        )
        self._rows.append(API_METRIC.line(metric, utc_text(now))[1])

    def start(self, publisher: interface.AsyncPublisher) -> None:
        """Begin to publish in the background of the running loop."""
        self._publisher = publisher
        self._is_closing = asyncio.Event()
        self._task = asyncio.create_task(self._publish_for_ever())

    async def close(self) -> None:
        """Publish what is left, within a bound."""
        if self._task is not None:
            # Not cancelled: the bus's client may miss it, and publish for ever.
            self._is_closing.set()
            await asyncio.wait([self._task], timeout=_CLOSE_TIMEOUT_SECONDS)
        if self._task is None or self._task.done():
            with contextlib.suppress(TimeoutError, TransientError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_SECONDS):
                    while self._rows:
                        await self._publish()
        if self._rows:
            self.dropped_count += len(self._rows)
            logger.warning("%d requests of the API stay unmeasured", self.dropped_count)

    async def _publish_for_ever(self) -> None:
        while not self._is_closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._is_closing.wait()
            try:
                while self._rows:
                    await self._publish()
            except TransientError:
                logger.warning("%d measured requests wait for the event bus", len(self._rows))

    async def _publish(self) -> None:
        """Rows leave the buffer once they are durable; a repeated row counts once by its id."""
        if self._publisher is None:
            raise StoreUnavailable("the event bus is not connected yet")
        part = self._rows[:_FLUSH_LIMIT]
        message = interface.Message(b"\n".join(part), len(part))
        await self._publisher.publish(API_METRIC.topic.name, [message])
        del self._rows[: len(part)]


def endpoint_of(scope: Scope) -> str:
    """The template of the route that served the request; a mounted part by its root alone."""
    template = getattr(scope.get("route"), "path", None)
    if template:
        return str(template)
    root = str(scope.get("root_path", ""))[len(str(scope.get("app_root_path", ""))) :]
    if root:
        return f"{root}/*"
    # FastAPI's own page of the OpenAPI document is a route without a template to vary.
    return str(scope["path"]) if "endpoint" in scope else UNMATCHED
