"""Is the API alive, and can it do its work?

Belongs here: `/healthz`, which asks nobody, and `/readyz`, which asks each store. They need no key.

A store that only some endpoints need makes the API degraded, and not unready: a balancer that took
the server away would take away what still works.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from anyio import to_thread
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from serving.problems import Problem, documented
from stores.clickhouse import client as clickhouse
from stores.errors import PlatformError, SettingInvalid
from stores.postgres import client as postgres
from stores.redis_store import client as redis_store
from stores.search import client as search

CHECK_TIMEOUT_SECONDS = 3.0

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]
    unmeasured_request_count: int = Field(
        description="Own requests since the start that could not be written to api_metrics."
    )


State = Literal["ok", "unavailable", "not_configured"]


class Readiness(BaseModel):
    """Whether each store answers, and what does not work where one does not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "degraded",
                    "dependencies": {
                        "event_bus": "ok",
                        "postgres": "ok",
                        "clickhouse": "ok",
                        "redis": "unavailable",
                        "search": "ok",
                    },
                    "affected": {"redis": "Quotas are refused; nothing is cached or limited."},
                }
            ]
        }
    )

    status: Literal["ready", "degraded", "unavailable", "draining"]
    dependencies: dict[str, State]
    affected: dict[str, str] = Field(
        default_factory=dict, description="For each store that does not answer, what needs it."
    )


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


async def _redis(_: Request) -> None:
    await to_thread.run_sync(redis_store.check, abandon_on_cancel=True)


async def _search(_: Request) -> None:
    await to_thread.run_sync(search.check, abandon_on_cancel=True)


@dataclass(frozen=True)
class _Dependency:
    check: Callable[[Request], Awaitable[None]]
    affected: str
    is_needed: bool = True


_DEPENDENCIES = {
    "event_bus": _Dependency(_bus, "No events are taken."),
    "postgres": _Dependency(
        _postgres, "Nobody signs in; keys seen within 15 minutes go on taking events and usage."
    ),
    "clickhouse": _Dependency(_clickhouse, "Usage, analytics and dashboards do not answer."),
    "redis": _Dependency(
        _redis,
        "Nothing is cached and no rate is limited; quotas and sign-in do not answer.",
        is_needed=False,
    ),
    "search": _Dependency(_search, "Transcripts are not searched.", is_needed=False),
}


async def _state(name: str, request: Request) -> State:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await _DEPENDENCIES[name].check(request)
    except SettingInvalid:
        return "not_configured"
    except (PlatformError, clickhouse.Error, OSError):
        return "unavailable"
    return "ok"


@router.get("/healthz", summary="Is the process alive", response_model=Health)
async def healthz(request: Request) -> dict[str, Any]:
    """Answers 200 as long as the process can answer at all; no store is asked."""
    return {"status": "ok", "unmeasured_request_count": request.app.state.recorder.dropped_count}


_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": Readiness, "description": "A store that most endpoints need does not answer"}
}


@router.get(
    "/readyz",
    summary="Can the API do its work",
    response_model=Readiness,
    responses=_NOT_READY,
)
async def readyz(request: Request) -> Response:
    """200 where it is `ready` or `degraded`; 503 where it is `unavailable`, or `draining`, which
    means that it takes requests for a moment still, and that no more should be sent.
    """
    states = await asyncio.gather(*(_state(name, request) for name in _DEPENDENCIES))
    found = dict(zip(_DEPENDENCIES, states, strict=True))
    return _answer(found, is_draining=request.app.state.limits.is_draining)


@router.get(
    "/readyz/{dependency}",
    summary="Does one store answer",
    response_model=Readiness,
    responses=documented(404, 422) | _NOT_READY,
)
async def readyz_of(
    request: Request,
    dependency: Annotated[
        str, Path(description="One that `/readyz` names.", examples=["event_bus"])
    ],
) -> Response:
    """Taking events needs `event_bus` only, so a balancer may ask for that alone."""
    if dependency not in _DEPENDENCIES:
        raise Problem(404, f"The dependencies are {', '.join(_DEPENDENCIES)}.")
    state = await _state(dependency, request)
    return _answer({dependency: state}, is_one=True)


def _answer(
    states: dict[str, State], *, is_draining: bool = False, is_one: bool = False
) -> Response:
    away = [name for name, state in states.items() if state != "ok"]
    is_down = any(is_one or _DEPENDENCIES[name].is_needed for name in away)
    status = (
        "draining" if is_draining else "unavailable" if is_down else "degraded" if away else "ready"
    )
    body = {
        "status": status,
        "dependencies": states,
        "affected": {name: _DEPENDENCIES[name].affected for name in away},
    }
    is_ready = status in ("ready", "degraded")
    return Response(orjson.dumps(body), 200 if is_ready else 503, media_type="application/json")
