"""Webhooks: where to be told, what was told, and telling it again.

Belongs here: addresses and the shape of answers. Sending is in `serving.webhooks`.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.database import of_application
from serving.idempotency import idempotent, operation_id
from serving.problems import Problem, documented
from serving.security import Principal, ensure_tenant, not_found, require_scope
from serving.small_json import SmallJson
from serving.webhooks import targets
from serving.webhooks.sending import shown
from stores.errors import InputInvalid
from stores.postgres import webhooks
from stores.postgres.pool import AsyncPool
from stores.postgres.webhook_queue import THRESHOLD_REACHED
from stores.settings import load_settings

ENDPOINTS_LIMIT = 20

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=SmallJson)

_manager = require_scope("webhooks:manage")
Manager = Annotated[Principal, Depends(_manager)]
Pool = Annotated[AsyncPool, Depends(of_application)]
EventType = Literal["quota.threshold_reached"]
EndpointId = Annotated[UUID, Path(description="The endpoint's id.")]
Description = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=10)]
Url = Annotated[str, Field(min_length=1, max_length=targets.URL_LENGTH_LIMIT)]

_ENDPOINT: dict[str, Any] = {
    "id": "3f6d1c52-5b7e-4d5e-9d1f-0d9a6c9f3f0a",
    "user_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "url": "https://hooks.example.com/interviews",
    "description": "billing",
    "event_types": [THRESHOLD_REACHED],
    "is_active": True,
    "created_at": "2026-11-25T21:40:07.512000Z",
}
_DELIVERY: dict[str, Any] = {
    "id": "9b0a5a43-6f0c-4c0e-8c56-6c2b9a3c7a11",
    "event_id": "0b6a2a52-6f0c-5d0e-9c56-6c2b9a3c7a11",
    "event_type": THRESHOLD_REACHED,
    "state": "dead",
    "attempt_count": 8,
    "last_status_code": 503,
    "last_problem": "answered 503",
    "created_at": "2026-11-25T21:40:07.512000Z",
    "next_attempt_at": None,
    "finished_at": "2026-11-26T22:10:44.001000Z",
}


def _every_type() -> EventTypes:
    return [THRESHOLD_REACHED]


class WantedEndpoint(BaseModel):
    """Where to tell, and of what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"url": _ENDPOINT["url"], "event_types": [THRESHOLD_REACHED]}]
        },
    )

    url: Url = Field(description="https, and in the public network.")
    user_id: UUID | None = Field(
        None, description="Whose events; a service of the platform may leave it out: everybody's."
    )
    description: Description = ""
    event_types: EventTypes = Field(default_factory=_every_type)


class EndpointChange(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"is_active": False}]}
    )

    url: Url | None = None
    description: Description | None = None
    event_types: EventTypes | None = None
    is_active: bool | None = Field(
        None, strict=True, description="False: deliveries wait until it is true."
    )


class Endpoint(BaseModel):
    """An endpoint; its secret is not shown."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENDPOINT]})

    id: UUID
    user_id: UUID | None
    url: str
    description: str
    event_types: list[str]
    is_active: bool
    created_at: datetime


class NewEndpoint(Endpoint):
    """An endpoint just made, with the secret that signs what it gets."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_ENDPOINT | {"secret": f"whsec_{'A' * 43}="}]}
    )

    secret: str = Field(description="Shown once. `webhook-signature` is made with it.")


class Endpoints(BaseModel):
    """Every endpoint."""

    endpoints: list[Endpoint]


class Delivery(BaseModel):
    """A message to an endpoint, and how far it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DELIVERY]})

    id: UUID
    event_id: UUID = Field(description="The message's `webhook-id`.")
    event_type: str
    state: Literal["pending", "delivered", "dead"]
    attempt_count: int
    last_status_code: int | None = Field(description="Null where no answer came.")
    last_problem: str
    created_at: datetime
    next_attempt_at: datetime | None = Field(description="Null unless it is pending.")
    finished_at: datetime | None


class Deliveries(BaseModel):
    """A part of the deliveries, the newest first."""

    deliveries: list[Delivery]
    next_before: UUID | None = Field(description="Give this as `before` for the next part.")


class Attempt(BaseModel):
    """One try."""

    number: int
    attempted_at: datetime
    duration_ms: int
    status_code: int | None
    problem: str


class DeliveryHistory(Delivery):
    """A delivery with every try."""

    attempts: list[Attempt]


class Replayed(BaseModel):
    """How many deliveries are tried anew."""

    replayed_count: int


@router.post(
    "",
    status_code=201,
    summary="Be told of events",
    dependencies=[Depends(idempotent(_manager))],
    responses=documented(401, 403, 404, 409, 422, 429, 503),
)
async def create_endpoint(
    wanted: WantedEndpoint, request: Request, manager: Manager, pool: Pool
) -> NewEndpoint:
    """The answer shows the secret, once. A tenant's key makes endpoints of that tenant alone."""
    user_id = wanted.user_id or manager.user_id
    if user_id is not None:
        ensure_tenant(manager, user_id, "user")
        if not await pool.rows("SELECT id FROM users WHERE id = %s", [user_id]):
            raise not_found("user")
    _check(wanted.url)
    if len(await webhooks.endpoints(pool, user_id)) >= ENDPOINTS_LIMIT:
        raise Problem(409, f"There may be {ENDPOINTS_LIMIT} endpoints; remove one first.")
    values = wanted.model_dump(include={"url", "description", "event_types"})
    made, secret = await webhooks.create(pool, operation_id(request), user_id, values)
    return NewEndpoint(**vars(made), secret=shown(secret))


@router.get("", summary="List the endpoints", responses=documented(401, 403, 422, 429, 503))
async def list_endpoints(manager: Manager, pool: Pool) -> Endpoints:
    """Those that whoever asks may see."""
    found = await webhooks.endpoints(pool, manager.user_id)
    return Endpoints(endpoints=[Endpoint(**vars(each)) for each in found])


@router.get(
    "/{endpoint_id}",
    summary="Read an endpoint",
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def read_endpoint(endpoint_id: EndpointId, manager: Manager, pool: Pool) -> Endpoint:
    """Without its secret."""
    return Endpoint(**vars(await _of(pool, manager, endpoint_id)))


@router.patch(
    "/{endpoint_id}",
    summary="Change an endpoint",
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def change_endpoint(
    endpoint_id: EndpointId, wanted: EndpointChange, manager: Manager, pool: Pool
) -> Endpoint:
    """What is under way goes to the new address."""
    await _of(pool, manager, endpoint_id)
    if wanted.url is not None:
        _check(wanted.url)
    await webhooks.change(pool, endpoint_id, wanted.model_dump(exclude_none=True))
    return Endpoint(**vars(await _of(pool, manager, endpoint_id)))


@router.delete(
    "/{endpoint_id}",
    status_code=204,
    summary="Remove an endpoint",
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def remove_endpoint(endpoint_id: EndpointId, manager: Manager, pool: Pool) -> Response:
    """With its deliveries, those under way too."""
    await _of(pool, manager, endpoint_id)
    await webhooks.remove(pool, endpoint_id)
    return Response(status_code=204)


@router.get(
    "/{endpoint_id}/deliveries",
    summary="What was told to an endpoint",
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def list_deliveries(
    endpoint_id: EndpointId,
    manager: Manager,
    pool: Pool,
    *,
    state: Annotated[
        Literal["pending", "delivered", "dead"] | None, Query(description="In this state alone.")
    ] = None,
    before: Annotated[UUID | None, Query(description="`next_before` of the part before.")] = None,
    limit: Annotated[
        int, Query(ge=1, le=webhooks.DELIVERIES_LIMIT, description="How many at most.")
    ] = 50,
) -> Deliveries:
    """The newest first. `dead` are those that were given up, and wait for a replay."""
    await _of(pool, manager, endpoint_id)
    place = None
    if before is not None:
        last, _ = await _delivery(pool, endpoint_id, before)
        place = (last.created_at, last.id)
    found = await webhooks.deliveries(pool, endpoint_id, state, place, limit + 1)
    return Deliveries(
        deliveries=[Delivery(**_fields(each)) for each in found[:limit]],
        next_before=found[limit - 1].id if len(found) > limit else None,
    )


@router.get(
    "/{endpoint_id}/deliveries/{delivery_id}",
    summary="A delivery with every try",
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def read_delivery(
    endpoint_id: EndpointId,
    delivery_id: Annotated[UUID, Path(description="The delivery's id.")],
    manager: Manager,
    pool: Pool,
) -> DeliveryHistory:
    """What each try came to."""
    await _of(pool, manager, endpoint_id)
    found, tries = await _delivery(pool, endpoint_id, delivery_id)
    return DeliveryHistory(**_fields(found), attempts=[Attempt(**vars(each)) for each in tries])


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    summary="Tell it again",
    dependencies=[Depends(idempotent(_manager))],
    responses=documented(401, 403, 404, 409, 422, 429, 503),
)
async def replay_delivery(
    endpoint_id: EndpointId,
    delivery_id: Annotated[UUID, Path(description="The delivery's id.")],
    manager: Manager,
    pool: Pool,
) -> Replayed:
    """The same message with the same `webhook-id`, tried anew at once. None that is pending."""
    await _of(pool, manager, endpoint_id)
    await _delivery(pool, endpoint_id, delivery_id)
    return await _replay(pool, endpoint_id=endpoint_id, ids=[delivery_id])


@router.post(
    "/{endpoint_id}/replay",
    status_code=202,
    summary="Tell all dead letters again",
    dependencies=[Depends(idempotent(_manager))],
    responses=documented(401, 403, 404, 409, 422, 429, 503),
)
async def replay_dead(endpoint_id: EndpointId, manager: Manager, pool: Pool) -> Replayed:
    """Every delivery to this endpoint that was given up."""
    await _of(pool, manager, endpoint_id)
    return await _replay(pool, endpoint_id=endpoint_id, state="dead")


async def _replay(pool: AsyncPool, **which: Any) -> Replayed:
    tries = load_settings().webhook_attempts
    return Replayed(replayed_count=await webhooks.replay(pool, tries, **which))


async def _of(pool: AsyncPool, manager: Principal, endpoint_id: UUID) -> webhooks.Endpoint:
    found = await webhooks.endpoints(pool, manager.user_id, endpoint_id)
    if not found:
        raise not_found("endpoint")
    return found[0]


async def _delivery(
    pool: AsyncPool, endpoint_id: UUID, delivery_id: UUID
) -> tuple[webhooks.Delivery, list[webhooks.Attempt]]:
    found = await webhooks.delivery(pool, delivery_id)
    if found is None or found[0].endpoint_id != endpoint_id:
        raise not_found("delivery")
    return found


def _fields(found: webhooks.Delivery) -> dict[str, Any]:
    next_at = found.next_attempt_at if found.state == "pending" else None
    return vars(found) | {"next_attempt_at": next_at}


def _check(url: str) -> None:
    try:
        targets.parse(url, is_private_allowed=load_settings().webhook_private_targets)
    except InputInvalid as error:
        broken = [{"field": error.field, "rule": error.rule}]
        raise Problem(422, str(error), invalid_parameters=broken) from None
