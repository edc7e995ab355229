"""Is the API alive, and can it do its work?

Belongs here: `/healthz`, which asks nobody, and `/readyz`, which asks each store. They need no key.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import orjson
from anyio import to_thread
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from serving.problems import Problem, documented
from stores.clickhouse import client as clickhouse
from stores.errors import PlatformError
from stores.postgres import client as postgres

CHECK_TIMEOUT_SECONDS = 3.0

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]
    unmeasured_request_count: int = Field(
        description="Own requests since the start that could not be written to api_metrics."
    )


class Readiness(BaseModel):
    """Whether each store answers."""

    status: Literal["ready", "unavailable"]
    dependencies: dict[str, Literal["ok", "unavailable"]]


def _ask_postgres() -> None:
    with postgres.connect(autocommit=True, connect_timeout=2) as connection:
        connection.execute("SELECT 1")


def _ask_clickhouse() -> None:
    client = clickhouse.connect(connect_timeout=2, send_receive_timeout=2)
    client.close()


async def _bus(request: Request) -> None:
    await request.app.state.publisher.ping()


async def _postgres(_: Request) -> None:
    await to_thread.run_sync(_ask_postgres, abandon_on_cancel=True)


async def _clickhouse(_: Request) -> None:
    await to_thread.run_sync(_ask_clickhouse, abandon_on_cancel=True)


_CHECKS: dict[str, Callable[[Request], Awaitable[None]]] = {
    "event_bus": _bus,
    "postgres": _postgres,
    "clickhouse": _clickhouse,
}


async def _state(name: str, request: Request) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await _CHECKS[name](request)
    except (PlatformError, clickhouse.Error, OSError):
        return "unavailable"
    return "ok"


@router.get("/healthz", summary="Is the process alive", response_model=Health)
async def healthz(request: Request) -> dict[str, Any]:
    """Answers 200 as long as the process can answer at all; no store is asked."""
    return {"status": "ok", "unmeasured_request_count": request.app.state.recorder.dropped_count}


@router.get(
    "/readyz",
    summary="Does every store answer",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "At least one store does not answer."}},
)
async def readyz(request: Request) -> Response:
    """200 where every store answers, else 503 with the state of each."""
    states = await asyncio.gather(*(_state(name, request) for name in _CHECKS))
    return _answer(dict(zip(_CHECKS, states, strict=True)))


@router.get(
    "/readyz/{dependency}",
    summary="Does one store answer",
    response_model=Readiness,
    responses=documented(404)
    | {503: {"model": Readiness, "description": "The store does not answer."}},
)
async def readyz_of(
    request: Request, dependency: Annotated[str, Path(examples=["event_bus"])]
) -> Response:
    """Taking events needs `event_bus` only, so a balancer may ask for that alone."""
    if dependency not in _CHECKS:
        raise Problem(404, f"The dependencies are {', '.join(_CHECKS)}.")
    return _answer({dependency: await _state(dependency, request)})


def _answer(states: dict[str, str]) -> Response:
    ready = all(state == "ok" for state in states.values())
    body = {"status": "ready" if ready else "unavailable", "dependencies": states}
    return Response(orjson.dumps(body), 200 if ready else 503, media_type="application/json")
