"""Metered usage of one user in one month.

Belongs here: the endpoint and the shape of its answer. How usage is counted belongs to dbt.
"""

import asyncio
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.dashboards.freshness import of_sources
from serving.paging import Moment
from serving.problems import documented, unavailable
from serving.queries.warehouse import ModelNotBuilt, Row, Warehouse, as_ids, of_application
from serving.read_models import NOT_BUILT
from serving.security import Principal, ensure_tenant, not_found, require_scope
from serving.usage_parameters import (
    CompareGiven,
    DayOfUse,
    Grain,
    GrainGiven,
    MonthGiven,
    Resource,
    ResourceGiven,
    ZoneGiven,
    change_percent,
    first_day,
    last_day,
    month_before,
)
from stores.errors import TransientError

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
    previous_used_count: int | None = Field(
        None, description="In the month before; only where `compare` asks for it."
    )
    change_percent: str | None = Field(
        None,
        description="Against the month before, null where nothing was used in it; likewise.",
        examples=["50.0"],
    )
    days: list[DayOfUse] | None = Field(
        None, description="Days with usage, in UTC; only where `grain=day` asks for them."
    )


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
    fresh_as_of: Moment | None = Field(
        description="When the newest usage counted here was captured; null before any was."
    )
    refreshed_at: Moment | None = Field(
        description="When the numbers were last brought up to date."
    )


@router.get(
    "/{user_id}",
    summary="What a user used in a month",
    response_model_exclude_unset=True,
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def usage_of_user(
    response: Response,
    asked: Annotated[Warehouse, Depends(of_application)],
    principal: Annotated[Principal, Depends(require_scope("usage:read"))],
    user_id: Annotated[UUID, Path(description="The user's id.")],
    *,
    month: MonthGiven = None,
    resource: ResourceGiven = None,
    grain: GrainGiven = Grain.MONTH,
    compare: CompareGiven = None,
    time_zone: ZoneGiven = "UTC",
) -> MonthlyUsage:
    """Used, limit, remaining and overage of each resource, and how fresh the numbers are."""
    ensure_tenant(principal, user_id, "user")
    first = first_day(month, time_zone, datetime.now(UTC))
    response.headers["Cache-Control"] = "private, no-cache"
    try:
        found = await _answer(asked, user_id, first, resource)
        if compare is not None:
            await _add_previous(asked, found, month_before(first))
        if grain is Grain.DAY:
            await _add_days(asked, found, first)
        return found
    except ModelNotBuilt:
        raise unavailable(NOT_BUILT, "not-built-yet") from None
    except TransientError:
        raise unavailable("ClickHouse does not answer right now; try again.") from None


async def _answer(
    asked: Warehouse, user_id: UUID, first: date, resource: Resource | None
) -> MonthlyUsage:
    of_user = {"user_id": str(user_id)}
    sources, used = await asyncio.gather(
        asked.ask_lately("usage_freshness"), asked.ask("usage_of_user", **of_user, month=first)
    )
    plans: list[Row] = []
    if not PLAN_LIMITS.keys() <= {row["resource_type"] for row in used}:
        # What nobody used is known from the plan. That and the user are views over views, which
        # cost several times as much as a rollup.
        plans = await asked.ask("user_plan", **of_user, month=first)
        if not (used or plans or await asked.ask("user_known", **of_user)):
            raise not_found("user")
    fresh = of_sources(sources, ["usage_tracking"], datetime.now(UTC))
    names = [row["plan_name"] for row in [*used, *plans] if row["plan_name"] != NO_PLAN]
    resources = _resources(used, plans)
    return MonthlyUsage(
        user_id=user_id,
        month=f"{first:%Y-%m}",
        plan_name=names[0] if names else None,
        resources=[each for each in resources if resource in (None, each.resource_type)],
        fresh_as_of=fresh.data_until if fresh else None,
        refreshed_at=fresh.refreshed_at if fresh else None,
    )


async def _add_previous(asked: Warehouse, found: MonthlyUsage, month: date) -> None:
    rows = await asked.ask("usage_of_user", user_id=str(found.user_id), month=month)
    before = {row["resource_type"]: row["used_count"] for row in rows}
    for each in found.resources:
        each.previous_used_count = before.get(each.resource_type, 0)
        each.change_percent = change_percent(each.previous_used_count, each.used_count)


async def _add_days(asked: Warehouse, found: MonthlyUsage, first: date) -> None:
    days: dict[str, list[DayOfUse]] = defaultdict(list)
    for row in await asked.ask("usage_days_of_accounts", **days_of(first, "", found.user_id)):
        day = DayOfUse(date=row["date"], used_count=row["used_count"])
        days[row["resource_type"]].append(day)
    for each in found.resources:
        each.days = days[each.resource_type]


def days_of(first: date, resource: str, *user_ids: UUID) -> dict[str, Any]:
    """The parameters of the question `usage_days_of_accounts`."""
    return {
        "first_day": first,
        "last_day": last_day(first),
        "resource": resource,
        "user_ids": as_ids(*user_ids),
    }


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
