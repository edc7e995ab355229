"""Assembles the API: stores, routers, the answer to errors, self-measuring. Nothing else.

Run it with `uvicorn --factory serving.app:create_app`.
"""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving import database, problems
from serving.edge import Edge, Limits
from serving.idempotency import KeepAnswers, Replay, replay
from serving.ingest.intake import Intake
from serving.measuring import Recorder
from serving.quota import desk as quota_desk
from serving.routers import (
    aggregates,
    dashboards,
    dead_letters,
    docs,
    entitlements,
    event_status,
    events,
    health,
    problem_pages,
    quota,
    schemas,
    usage,
    webhooks,
)
from serving.security import Keyring
from stores.event_bus import connect_async
from stores.event_bus.interface import AsyncPublisher
from stores.redis_store.admission import AdmissionDesk
from stores.settings import load_settings

_DESCRIPTION = """Events go in, usage comes out.

Send `Authorization: Bearer KEY` with every request under `/v1`. Errors are problem documents
(RFC 9457). 202 means: on disk, and counted once by its id. 503 means: send the same again."""

# A batch of events is thousands of small objects without cycles, which at Python's own 700 are
# looked through again and again.
_COLLECT_AFTER = 20_000


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
        gc.set_threshold(_COLLECT_AFTER)
        yield
        await recorder.close()
        await app.state.intake.close()
        await quota_desk.close_of_application(app)
        await database.close_of_application(app)
        await bus.close()

    app = FastAPI(
        title="Interview data API",
        description=_DESCRIPTION,
        version=version("interview-data"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.recorder = recorder
    app.state.keyring = keyring or Keyring()
    problems.install(app)
    app.add_exception_handler(Replay, replay)
    app.include_router(health.router)
    app.include_router(events.router)
    app.include_router(event_status.router)
    app.include_router(schemas.router)
    app.include_router(aggregates.router)
    app.include_router(entitlements.router)
    app.include_router(quota.router)
    app.include_router(usage.router)
    app.include_router(webhooks.router)
    app.include_router(dashboards.router)
    app.include_router(dead_letters.router)
    app.include_router(docs.router)
    app.include_router(problem_pages.router)
    app.add_middleware(KeepAnswers)
    app.add_middleware(events.DirectIngest)
    app.add_middleware(Edge, recorder=recorder, limits=limits)
    _describe_problems(app)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Let the OpenAPI document say that every error is a problem; FastAPI would say otherwise."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = problems.PROBLEM_SCHEMA
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            for operations in document["paths"].values():
                for operation in operations.values():
                    if "422" in operation["responses"]:
                        operation["responses"]["422"] = problems.documented(422)[422]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
