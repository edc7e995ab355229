"""What a user may still use this month, of each resource.

Belongs here: the endpoint, its answer and its ETag. How the numbers are known belongs to
`serving.quota.desk`.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.problems import documented
from serving.quota.desk import QuotaDesk, Standing, of_application
from serving.routers.quota import NUMBERS_EXAMPLE, Numbers, numbers
from serving.security import Principal, ensure_tenant, require_scope
from stores.postgres.plan_limits import RESOURCES

router = APIRouter(prefix="/v1/entitlements", tags=["entitlements"])

# What changes with every answer would make every answer another one.
_NOT_IN_ETAG = ("counted_at", "as_of")


class Entitlement(Numbers):
    """One resource."""

    model_config = ConfigDict(json_schema_extra={})

    projected_exhaustion_on: date | None = Field(
        description="The day on which the limit is reached if the month goes on as it began; null"
        " where that is not this month."
    )


class Entitlements(BaseModel):
    """What the user's plan allows this calendar month (UTC), and what is left of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
                    "month": "2026-11",
                    "plan_name": "pro",
                    "subscription_id": "7b3f5d0e-93c5-4a1e-8a52-0d7a6a1f3f65",
                    "subscription_ends_at": "2026-12-22T00:00:00Z",
                    "resources": [NUMBERS_EXAMPLE | {"projected_exhaustion_on": None}],
                    "as_of": "2026-11-25T21:40:07.512Z",
                    "is_plan_stale": False,
                }
            ]
        }
    )

    user_id: UUID
    month: str
    plan_name: str | None = Field(description="Null without an active subscription.")
    subscription_id: UUID | None
    subscription_ends_at: datetime | None = Field(description="When the paid period ends.")
    resources: list[Entitlement]
    as_of: datetime = Field(description="When this was true.")
    is_plan_stale: bool = Field(
        description="The plan is the one remembered, because PostgreSQL is away."
    )


@router.get(
    "/{user_id}",
    summary="What a user may still use",
    response_model=Entitlements,
    responses=documented(401, 403, 404, 422, 429, 503)
    | {304: {"description": "As it was under the ETag given in If-None-Match"}},
)
async def entitlements(
    user_id: Annotated[UUID, Path(description="The user's id.")],
    asker: Annotated[Principal, Depends(require_scope("usage:read"))],
    desk: Annotated[QuotaDesk, Depends(of_application)],
    response: Response,
    if_none_match: Annotated[
        str | None, Header(description="The ETag of an earlier answer.")
    ] = None,
) -> Response:
    """Used, reserved and remaining of every resource, with the limit and how it is meant.

    To look is not to use: between this answer and a request somebody else may use the rest. What
    must not go over a limit is asked by `/v1/quota/consume` or reserved.
    """
    ensure_tenant(asker, user_id, "user")
    standings, is_stale = await desk.standings(user_id, RESOURCES)
    body = _body(user_id, standings, is_stale=is_stale, now=datetime.now(UTC))
    headers = dict(response.headers) | {"ETag": _etag(body), "Cache-Control": "private, no-cache"}
    if _matches(if_none_match, headers["ETag"]):
        return Response(None, 304, headers)
    content = orjson.dumps(body, option=orjson.OPT_UTC_Z)
    return Response(content, 200, headers, "application/json")


def _body(
    user_id: UUID, standings: list[Standing], *, is_stale: bool, now: datetime
) -> dict[str, Any]:
    plan = standings[0].plan
    return {
        "user_id": user_id,
        "month": f"{standings[0].period.month:%Y-%m}",
        "plan_name": plan.name,
        "subscription_id": plan.subscription_id,
        "subscription_ends_at": plan.period_ends_at,
        "resources": [
            numbers(each) | {"projected_exhaustion_on": projected_exhaustion(each, now)}
            for each in standings
        ],
        "as_of": now,
        "is_plan_stale": is_stale,
    }


def projected_exhaustion(standing: Standing, now: datetime) -> date | None:
    """The day on which the limit is reached at the month's pace so far, if it is one of it."""
    limit, used = standing.limit.limit, standing.used
    if limit is None or used <= 0:
        return None
    if used >= limit:
        return now.date()
    starts_at = standing.period.starts_at
    # Half a day at least: one use a minute after midnight is no pace.
    elapsed = max((now - starts_at).total_seconds(), 43_200.0)
    reached_at = starts_at + timedelta(seconds=min(elapsed * limit / used, 32 * 86_400.0))
    return reached_at.date() if reached_at < standing.period.ends_at else None


def _etag(body: dict[str, Any]) -> str:
    lasting = {name: value for name, value in body.items() if name not in _NOT_IN_ETAG}
    lasting["resources"] = [
        {name: value for name, value in each.items() if name not in _NOT_IN_ETAG}
        for each in body["resources"]
    ]
    return f'"{hashlib.blake2b(orjson.dumps(lasting), digest_size=12).hexdigest()}"'


def _matches(given: str | None, etag: str) -> bool:
    """Weak comparison, as RFC 9110 asks for with If-None-Match."""
    if given is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return "*" in tags or etag in tags
