"""Using what a plan allows: at once, or by a reservation that is committed or released later.

Belongs here: addresses, status codes and the shape of answers. The order of steps is in
`serving.quota.desk`.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import NAMESPACE_OID, UUID, uuid5

import orjson
from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.direct import Answer, Left, served_by
from serving.idempotency import KEY_HEADER, is_key
from serving.ingest.bodies import too_slow
from serving.problems import documented
from serving.quota.desk import Operation, QuotaDesk, Standing, desk_of, of_application
from serving.security import (
    Keyring,
    Principal,
    admit,
    authorize,
    ensure_tenant,
    require_scope,
)
from serving.small_json import LIMIT_BYTES, MEDIA_TYPE, SmallJson
from stores.postgres.quota_ledger import Reservation

AMOUNT_LIMIT = 1_000_000_000
TTL_SECONDS_LIMIT = 86_400

router = APIRouter(prefix="/v1/quota", tags=["quota"], route_class=SmallJson)

Resource = Literal["analysis", "interviews", "storage"]
SCOPE = "quota:consume"
Asker = Annotated[Principal, Depends(require_scope(SCOPE))]
Desk = Annotated[QuotaDesk, Depends(of_application)]
IdempotencyKey = Annotated[
    str,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Made anew for each new operation: the same request with it counts once.",
        examples=["6f1c2f0e-4f0a-4f39-8d8b-0d8a6a3c1f10"],
    ),
]
ReservationId = Annotated[UUID, Path(description="The reservation's id.")]
Amount = Annotated[int, Field(strict=True, ge=1, le=AMOUNT_LIMIT)]

NUMBERS_EXAMPLE: dict[str, Any] = {
    "resource": "interviews",
    "plan_name": "pro",
    "mode": "hard",
    "limit_count": 100,
    "used_count": 41,
    "reserved_count": 2,
    "remaining_count": 57,
    "is_over_limit": False,
    "resets_at": "2026-12-01T00:00:00Z",
    "source": "counter",
    "counted_at": "2026-11-25T21:40:07.512Z",
    "enforcement": "checked",
    "is_complete": True,
}
_USER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
_ID = "0b6a2a52-6f0c-5d0e-9c56-6c2b9a3c7a11"


class Wanted(BaseModel):
    """An amount of a resource, for a user. Storage is counted in mebibytes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"user_id": _USER, "resource": "interviews", "amount": 1}]},
    )

    user_id: UUID
    resource: Resource
    amount: Amount = 1


class WantedReservation(Wanted):
    """An amount to hold for a while."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": _USER, "resource": "storage", "amount": 512, "ttl_seconds": 600}
            ]
        }
    )

    ttl_seconds: Annotated[int, Field(strict=True, ge=1, le=TTL_SECONDS_LIMIT)] | None = Field(
        None, description="How long it holds; by default what QUOTA_RESERVATION_SECONDS says."
    )


class WantedCommit(BaseModel):
    """How much of a reservation was used."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": 480}]})

    amount: Amount | None = Field(None, description="By default all that was reserved.")


class Numbers(BaseModel):
    """Where the user stands now."""

    resource: Resource
    plan_name: str | None = Field(description="Null without an active subscription.")
    mode: Literal["hard", "soft"] = Field(
        description="Hard: refused beyond the limit. Soft: told, and refused beyond its grace."
    )
    limit_count: int | None = Field(description="Null where the plan sets no limit.")
    used_count: int
    reserved_count: int = Field(description="Held by reservations that have not ended.")
    remaining_count: int | None = Field(description="Null without a limit; never below zero.")
    is_over_limit: bool
    resets_at: datetime = Field(description="When the month ends, in UTC.")
    source: Literal["counter", "ledger"] = Field(
        description="The counter in Redis, or the ledger while Redis is away."
    )
    counted_at: datetime = Field(description="When the counter was last counted from the ledger.")
    enforcement: Literal["checked", "unchecked"] = Field(
        description="Unchecked: recorded while Redis was away, as QUOTA_FAILS_OPEN allows."
    )
    is_complete: bool = Field(
        description="False: the plan counts events too, and ClickHouse, which has them, is away."
    )


class Consumption(Numbers):
    """What was used, and where the user stands after it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": _ID, "user_id": _USER, "amount": 1, "is_repeat": False, **NUMBERS_EXAMPLE}
            ]
        }
    )

    id: UUID = Field(description="The entry in usage_tracking.")
    user_id: UUID
    amount: int
    is_repeat: bool = Field(description="The same request was answered before; nothing was used.")


class ReservationState(BaseModel):
    """A reservation as it is now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID,
                    "user_id": _USER,
                    "resource": "interviews",
                    "amount": 2,
                    "committed_amount": None,
                    "state": "held",
                    "created_at": "2026-11-25T21:40:07.512Z",
                    "expires_at": "2026-11-25T21:55:07.512Z",
                    "settled_at": None,
                }
            ]
        }
    )

    id: UUID
    user_id: UUID
    resource: Resource
    amount: int
    committed_amount: int | None = Field(description="How much was used; null until committed.")
    state: Literal["held", "committed", "released", "expired"]
    created_at: datetime
    expires_at: datetime
    settled_at: datetime | None = Field(description="When it ended; null while it is held.")


class Reserved(ReservationState):
    """A new reservation, and where the user stands with it."""

    model_config = ConfigDict(json_schema_extra={})

    is_repeat: bool = Field(description="The same request was answered before.")
    quota: Numbers


@router.post(
    "/consume",
    status_code=201,
    summary="Use an amount now",
    response_model=Consumption,
    responses=documented(401, 403, 404, 409, 422, 415, 429, 503)
    | {200: {"model": Consumption, "description": "The same request was answered before"}},
)
async def consume(
    wanted: Wanted, idempotency_key: IdempotencyKey, asker: Asker, desk: Desk, response: Response
) -> Response:
    """All of the amount or none of it: 409 `quota-exceeded` with the numbers where it is too much.

    After 503 or no answer send the same again with the same key: it counts once.
    """
    return _answer(*await _consume(asker, desk, wanted, idempotency_key), response)


async def _consume(
    asker: Principal, desk: QuotaDesk, wanted: Wanted, key: str
) -> tuple[int, dict[str, Any]]:
    ensure_tenant(asker, wanted.user_id, "user")
    standing, used = await desk.consume(_operation(asker, "consume", key, wanted))
    body = {
        "id": used.id,
        "user_id": used.user_id,
        "amount": used.amount,
        "is_repeat": not used.is_new,
        **numbers(standing),
    }
    return 201 if used.is_new else 200, body


async def consume_directly(request: Request) -> Answer | Left:
    """A request as it should be; any other is left to the framework, to be told what is wrong."""
    sent = request.scope["headers"]
    headers = dict(sent)
    length, key = headers.get(b"content-length", b""), _text(headers, KEY_HEADER)
    if (
        request.scope["query_string"]
        or len(headers) < len(sent)
        or headers.get(b"content-type") != MEDIA_TYPE.encode()
        or b"content-encoding" in headers
        or not length.isdigit()
        or int(length) > LIMIT_BYTES
        or not is_key(key)
    ):
        return Left()
    seconds = request.app.state.settings.api_body_seconds
    try:
        async with asyncio.timeout(seconds):
            message = await request.receive()
    except TimeoutError:
        raise too_slow(seconds) from None
    if message.get("more_body", False):
        return Left((message,))
    try:
        wanted = Wanted.model_validate(orjson.loads(message.get("body", b"")))
    except ValueError:
        return Left((message,))
    keyring: Keyring = request.app.state.keyring
    asker = await authorize(keyring, _text(headers, b"authorization"), SCOPE)
    limits = await admit(request, asker)
    status, body = await _consume(asker, desk_of(request.app), wanted, key)
    return Answer(status, _json(body), list(limits.items()))


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


@router.post(
    "/reservations",
    status_code=201,
    summary="Reserve an amount",
    response_model=Reserved,
    responses=documented(401, 403, 404, 409, 422, 415, 429, 503)
    | {200: {"model": Reserved, "description": "The same request was answered before"}},
)
async def reserve(
    wanted: WantedReservation,
    idempotency_key: IdempotencyKey,
    asker: Asker,
    desk: Desk,
    response: Response,
) -> Response:
    """Holds the amount until it is committed, released or its time is over.

    It counts in the month in which it was made, whenever it is committed.
    """
    ensure_tenant(asker, wanted.user_id, "user")
    operation = _operation(asker, "reserve", idempotency_key, wanted)
    standing, reservation, is_new = await desk.reserve(operation, wanted.ttl_seconds)
    body = state(reservation) | {"is_repeat": not is_new, "quota": numbers(standing)}
    return _answer(201 if is_new else 200, body, response)


@router.get(
    "/reservations/{reservation_id}",
    summary="Read a reservation",
    response_model=ReservationState,
    responses=documented(401, 403, 404, 422, 415, 429, 503),
)
async def read_reservation(
    reservation_id: ReservationId, asker: Asker, desk: Desk, response: Response
) -> Response:
    """As it is now."""
    return _answer(200, state(await _of(asker, desk, reservation_id)), response)


@router.post(
    "/reservations/{reservation_id}/commit",
    summary="Use what was reserved, or a part of it",
    response_model=ReservationState,
    responses=documented(401, 403, 404, 409, 422, 415, 429, 503),
)
async def commit_reservation(
    reservation_id: ReservationId,
    asker: Asker,
    desk: Desk,
    response: Response,
    wanted: WantedCommit | None = None,
) -> Response:
    """What is not used of it is free again. The same commit again answers the same."""
    found = await _of(asker, desk, reservation_id)
    amount = wanted.amount if wanted and wanted.amount is not None else found.amount
    return _answer(200, state(await desk.end(reservation_id, amount)), response)


@router.post(
    "/reservations/{reservation_id}/release",
    summary="Give a reservation back",
    response_model=ReservationState,
    responses=documented(401, 403, 404, 409, 422, 415, 429, 503),
)
async def release_reservation(
    reservation_id: ReservationId, asker: Asker, desk: Desk, response: Response
) -> Response:
    """Nothing of it was used. The same release again answers the same."""
    await _of(asker, desk, reservation_id)
    return _answer(200, state(await desk.end(reservation_id, None)), response)


async def _of(asker: Principal, desk: QuotaDesk, reservation_id: UUID) -> Reservation:
    found = await desk.reservation(reservation_id)
    ensure_tenant(asker, found.user_id, "reservation")
    return found


def _operation(asker: Principal, what: str, key: str, wanted: Wanted) -> Operation:
    """Its id is made of who asks, for what and with which key: so the ledger has it once."""
    identity = uuid5(NAMESPACE_OID, f"{asker.id} {what} {key}")
    return Operation(identity, wanted.user_id, wanted.resource, wanted.amount)


def numbers(standing: Standing) -> dict[str, Any]:
    """Where the user stands, as an answer says it."""
    return {
        "resource": standing.period.resource,
        "plan_name": standing.plan.name,
        "mode": standing.limit.mode,
        "limit_count": standing.limit.limit,
        "used_count": standing.used,
        "reserved_count": standing.reserved,
        "remaining_count": standing.remaining,
        "is_over_limit": standing.is_over_limit,
        "resets_at": standing.period.ends_at,
        "source": standing.source,
        "counted_at": standing.counted_at,
        "enforcement": "checked" if standing.is_enforced else "unchecked",
        "is_complete": standing.is_complete,
    }


def state(found: Reservation) -> dict[str, Any]:
    """A reservation, as an answer says it."""
    return {
        "id": found.id,
        "user_id": found.user_id,
        "resource": found.resource,
        "amount": found.amount,
        "committed_amount": found.committed_amount,
        "state": found.state,
        "created_at": found.created_at,
        "expires_at": found.expires_at,
        "settled_at": found.settled_at,
    }


def _answer(status: int, body: dict[str, Any], response: Response) -> Response:
    """Without a model in between, which would cost a fifth of the request."""
    return Response(_json(body), status, dict(response.headers), MEDIA_TYPE)


def _json(body: dict[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


# Asked before every use of what a plan limits; the framework would take half of its time.
DIRECT = served_by(router.routes, {"/v1/quota/consume": consume_directly})
