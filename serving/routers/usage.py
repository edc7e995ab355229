"""Metered usage of one user in one month.

Belongs here: the endpoint and the shape of its answer. How usage is counted belongs to dbt.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.dashboards.freshness import of_sources
from serving.problems import Problem, documented, unavailable
from serving.queries.warehouse import ModelNotBuilt, Row, Warehouse, of_application
from serving.security import Principal, ensure_tenant, not_found, require_scope
from stores.errors import TransientError

MONTH = re.compile(r"(?P<year>20\d\d)-(?P<month>0[1-9]|1[0-2])", re.ASCII)
NO_PLAN = "none"
# The limits of a plan by resource, as columns of marts.dim_subscription_plans.
PLAN_LIMITS = {
    "analysis": "analysis_limit_count",
    "interviews": "interviews_limit_count",
    "storage": "storage_limit_mebibytes",
}

router = APIRouter(prefix="/v1/usage", tags=["usage"])


class ResourceUsage(BaseModel):
    """One resource in the month. Storage is counted in mebibytes, the others in pieces."""

    resource_type: str = Field(examples=["interviews"])
    used_count: int = Field(ge=0, examples=[12])
    limit_count: int | None = Field(description="Null where the plan sets no limit.", examples=[10])
    remaining_count: int | None = Field(
        description="What is left of the limit, never below zero; null without a limit.",
        examples=[0],
    )
    overage_count: int = Field(ge=0, description="What was used over the limit.", examples=[2])


class MonthlyUsage(BaseModel):
    """What a user used in a calendar month (UTC) against the plan in force in it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
                    "month": "2026-11",
                    "plan_name": "starter",
                    "resources": [
                        {
                            "resource_type": "interviews",
                            "used_count": 12,
                            "limit_count": 10,
                            "remaining_count": 0,
                            "overage_count": 2,
                        }
                    ],
                    "fresh_as_of": "2026-11-23T14:03:20.120Z",
                    "refreshed_at": "2026-11-23T14:03:31.004Z",
                }
            ]
        }
    )

    user_id: UUID
    month: str
    plan_name: str | None = Field(description="Null where no subscription was in force.")
    resources: list[ResourceUsage] = Field(description="Every resource of the plan or used.")
    fresh_as_of: datetime | None = Field(
        description="When the newest usage counted here was captured; null before any was."
    )
    refreshed_at: datetime | None = Field(
        description="When the numbers were last brought up to date."
    )


@router.get(
    "/{user_id}",
    summary="What a user used in a month",
    responses=documented(401, 403, 404, 422, 503),
)
async def usage_of_user(
    response: Response,
    asked: Annotated[Warehouse, Depends(of_application)],
    principal: Annotated[Principal, Depends(require_scope("usage:read"))],
    user_id: Annotated[UUID, Path(description="The user's id.")],
    month: Annotated[
        str | None, Query(description="YYYY-MM, by default this month (UTC).", examples=["2026-11"])
    ] = None,
) -> MonthlyUsage:
    """Used, limit, remaining and overage of each resource, and how fresh the numbers are."""
    ensure_tenant(principal, user_id, "user")
    first_day = _first_day(month, datetime.now(UTC))
    response.headers["Cache-Control"] = "private, no-cache"
    try:
        return await _answer(asked, user_id, first_day)
    except ModelNotBuilt:
        raise unavailable(
            "Usage is not counted yet: the models are built within a minute."
        ) from None
    except TransientError:
        raise unavailable("ClickHouse does not answer right now; try again.") from None


async def _answer(asked: Warehouse, user_id: UUID, first_day: date) -> MonthlyUsage:
    of_user = {"user_id": str(user_id)}
    if not await asked.ask("user_known", **of_user):
        raise not_found("user")
    used = await asked.ask("usage_of_user", **of_user, month=first_day)
    plans = await asked.ask("user_plan", **of_user, month=first_day)
    sources = await asked.ask("usage_freshness")
    fresh = of_sources(sources, ["usage_tracking"], datetime.now(UTC))
    names = [row["plan_name"] for row in [*used, *plans] if row["plan_name"] != NO_PLAN]
    return MonthlyUsage(
        user_id=user_id,
        month=f"{first_day:%Y-%m}",
        plan_name=names[0] if names else None,
        resources=_resources(used, plans),
        fresh_as_of=fresh.data_until if fresh else None,
        refreshed_at=fresh.refreshed_at if fresh else None,
    )


def _resources(used: list[Row], plans: list[Row]) -> list[ResourceUsage]:
    """What was used, and with zero what the plan allows and nobody used yet."""
    found = {row["resource_type"]: _resource(**row) for row in used}
    for resource_type, column in PLAN_LIMITS.items() if plans else ():
        unused = _resource(resource_type, 0, plans[0][column], 0)
        found.setdefault(resource_type, unused)
    return [found[name] for name in sorted(found)]


def _resource(
    resource_type: str,
    used_count: int,
    limit_count: int | None,
    overage_count: int,
    plan_name: str = "",  # noqa: ARG001  a column of the row, told once for all resources
) -> ResourceUsage:
    left = None if limit_count is None else max(0, limit_count - used_count)
    return ResourceUsage(
        resource_type=resource_type,
        used_count=used_count,
        limit_count=limit_count,
        remaining_count=left,
        overage_count=overage_count,
    )


def _first_day(month: str | None, now: datetime) -> date:
    if month is None:
        return now.date().replace(day=1)
    found = MONTH.fullmatch(month)
    if found is None:
        raise _wrong_month("must be a month as YYYY-MM, such as 2026-11, from 2000 on")
    first_day = date(int(found["year"]), int(found["month"]), 1)
    if first_day > now.date():
        raise _wrong_month(f"must not be after this month, {now:%Y-%m} (UTC)")
    return first_day


def _wrong_month(rule: str) -> Problem:
    return Problem(422, f"month: {rule}", invalid_parameters=[{"field": "month", "rule": rule}])
