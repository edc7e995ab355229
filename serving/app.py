"""Assembles the API: stores, routers, the answer to errors, self-measuring. Nothing else.

Run it with `uvicorn --factory serving.app:create_app`.
"""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

from serving import database, logs, openapi, problems, rate_limits, tracing
from serving import interviews as interview_cache
from serving.body_limits import BodyLimits
from serving.compression import Compression
from serving.direct import Direct
from serving.draining import drain_at_sigterm
from serving.edge import Edge, Limits
from serving.idempotency import KeepAnswers, Replay, replay
from serving.ingest.intake import Intake
from serving.measuring import Recorder
from serving.parameters import refuse_unknown
from serving.quota import desk as quota_desk
from serving.routers import (
    aggregates,
    analytics,
    auth,
    dashboards,
    dead_letters,
    docs,
    entitlements,
    event_status,
    events,
    expectations,
    health,
    interviews,
    jwks,
    keys,
    media,
    metrics,
    problem_pages,
    quota,
    schemas,
    sessions,
    usage,
    usage_accounts,
    webhooks,
)
from serving.security import Keyring
from stores.event_bus import connect_async
from stores.event_bus.interface import AsyncPublisher
from stores.redis_store.admission import AdmissionDesk
from stores.settings import Settings, load_settings

_DESCRIPTION = """Events go in, usage comes out.

Send `Authorization: Bearer KEY` with every request under `/v1`. Errors are problem documents
(RFC 9457). 202 means: on disk, and counted once by its id. 503 means: send the same again."""

# A batch of events is thousands of small objects without cycles, which at Python's own 700 are
# looked through again and again.
_COLLECT_AFTER = 20_000
# For each part; the measuring of requests waits for a bus that is away.
_CLOSE_SECONDS = 12

logger = logging.getLogger(__name__)


# In the order in which a request is compared with them: those that are asked most come first. Which
# comes first matters where one takes what is meant for another: accounts are not a user.
_ROUTERS = (
    quota,
    interviews,
    entitlements,
    health,
    metrics,
    jwks,
    auth,
    keys,
    events,
    event_status,
    schemas,
    aggregates,
    usage_accounts,
    usage,
    webhooks,
    dashboards,
    dead_letters,
    expectations,
    sessions,
    media,
    analytics,
    docs,
    problem_pages,
)


def create_app(publisher: AsyncPublisher | None = None, keyring: Keyring | None = None) -> FastAPI:
    """The application; tests pass their own `publisher` or `keyring`."""
    recorder, limits = Recorder(), Limits()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Here and not earlier: the OpenAPI document is also made where no store runs.
        bus = publisher or connect_async()
        app.state.publisher = bus
        app.state.settings = settings = load_settings()
        app.state.intake = Intake(bus, AdmissionDesk(), settings)
        recorder.start(bus)
        _set_limits(limits, settings)
        gc.set_threshold(_COLLECT_AFTER)
        yield
        await _close("the measuring of requests", recorder.close())
        await _close("the intake of events", app.state.intake.close())
        await _close("the cache of interviews", interview_cache.close_of_application(app))
        await _close("rate limits", rate_limits.close_of_application(app))
        await _close("quotas", quota_desk.close_of_application(app))
        await _close("connections to PostgreSQL", database.close_of_application(app))
        await _close("the event bus", bus.close())
        if limits.tracing is not None:
            limits.tracing.close()

    app = FastAPI(
        title="Interview data API",
        description=_DESCRIPTION,
        version=version("interview-data"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(refuse_unknown)],
        generate_unique_id_function=openapi.name_of,
    )
    app.state.recorder, app.state.limits = recorder, limits
    app.state.keyring = keyring or Keyring()
    problems.install(app)
    app.add_exception_handler(Replay, replay)
    for module in _ROUTERS:
        app.include_router(module.router)
    app.add_middleware(KeepAnswers)
    app.add_middleware(BodyLimits)
    app.add_middleware(Compression)
    app.add_middleware(Direct, served=events.DIRECT | quota.DIRECT)
    _allow_origins(app)
    app.add_middleware(Edge, recorder=recorder, limits=limits)
    openapi.describe(app)
    return app


async def _close(what: str, closing: Awaitable[None]) -> None:
    """What does not end in time is named and left: the process is to end."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await closing
    except TimeoutError:
        logger.warning("%s did not close within %d s", what, _CLOSE_SECONDS)


def _set_limits(limits: Limits, settings: Settings) -> None:
    limits.concurrent_requests = settings.api_concurrent_requests
    limits.answer_seconds = settings.api_answer_seconds
    limits.is_logging = settings.api_log_format == "json"
    limits.tracing = tracing.start(settings)
    if limits.is_logging:
        logs.configure()
    drain_at_sigterm(limits, settings.api_drain_seconds)


def _allow_origins(app: FastAPI) -> None:
    """None is allowed unless a setting names it; credentials of a browser never are."""
    named = [name.strip() for name in load_settings().api_allowed_origins.split(",")]
    if any(named):
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[name for name in named if name],
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"],
            expose_headers=["ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"],
        )
