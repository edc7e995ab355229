"""Metered usage of all customers in one month, page by page.

Belongs here: the endpoint and the shape of its answer. One customer is in `usage.py`; how usage is
counted belongs to dbt.
"""

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.dashboards.freshness import of_sources
from serving.paging import Cursor, Limit, Moment, next_cursor, place_of
from serving.problems import documented, unavailable
from serving.queries.warehouse import ModelNotBuilt, Row, Warehouse, as_ids, of_application
from serving.read_models import NOT_BUILT
from serving.routers.usage import NO_PLAN, days_of
from serving.security import Principal, require_scope
from serving.usage_parameters import (
    Compare,
    CompareGiven,
    DayOfUse,
    Grain,
    GrainGiven,
    MonthGiven,
    ResourceGiven,
    ZoneGiven,
    change_percent,
    first_day,
    month_before,
)
from stores.errors import TransientError

router = APIRouter(prefix="/v1/usage", tags=["usage"])


class AccountUsage(BaseModel):
    """One resource of one customer. Storage is counted in mebibytes, the others in pieces."""

    user_id: UUID
    resource_type: str = Field(examples=["interviews"])
    plan_name: str | None = Field(description="Null where no subscription was in force.")
    used_count: int
    limit_count: int | None = Field(description="Null where the plan sets no limit.")
    overage_count: int = Field(description="What was used over the limit.")
    previous_used_count: int | None = Field(
        None, description="In the month before; null unless `compare` asks for it."
    )
    change_percent: str | None = Field(
        None, description="Against the month before; null where nothing was used in it."
    )
    days: list[DayOfUse] | None = Field(
        None, description="Days with usage, in UTC; null unless `grain=day`."
    )


class AccountsUsage(BaseModel):
    """A part of the customers who used something in the month."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "month": "2026-11",
                    "accounts": [
                        {
                            "user_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
                            "resource_type": "interviews",
                            "plan_name": "starter",
                            "used_count": 12,
                            "limit_count": 10,
                            "overage_count": 2,
                            "previous_used_count": 8,
                            "change_percent": "50.0",
                            "days": None,
                        }
                    ],
                    "next_cursor": None,
                    "fresh_as_of": "2026-11-23T14:03:20.120Z",
                    "refreshed_at": "2026-11-23T14:03:31.004Z",
                }
            ]
        }
    )

    month: str
    accounts: list[AccountUsage]
    next_cursor: str | None = Field(description="Leads to the next part; null at the end.")
    fresh_as_of: Moment | None = Field(
        description="When the newest usage counted here was captured; null before any was."
    )
    refreshed_at: Moment | None = Field(description="When this was last brought up to date.")


@router.get(
    "/accounts",
    summary="What every customer used in a month",
    responses=documented(401, 403, 422, 429, 503),
)
async def usage_of_accounts(
    request: Request,
    response: Response,
    asked: Annotated[Warehouse, Depends(of_application)],
    asker: Annotated[Principal, Depends(require_scope("usage:read"))],
    *,
    month: MonthGiven = None,
    resource: ResourceGiven = None,
    grain: GrainGiven = Grain.MONTH,
    compare: CompareGiven = None,
    time_zone: ZoneGiven = "UTC",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AccountsUsage:
    """In an order that stays as it is. A customer who asks is told of itself alone."""
    first = first_day(month, time_zone, datetime.now(UTC))
    place = place_of(request, asker.id, cursor, {"user_id": str, "resource": str})
    response.headers["Cache-Control"] = "private, no-cache"
    chosen = resource.value if resource else ""
    try:
        rows = await asked.ask(
            "usage_of_accounts",
            month=first,
            resource=chosen,
            user_ids=as_ids(asker.user_id),
            after_user_id=str(_id(place["user_id"])),
            after_resource=place["resource"] or "",
            limit=limit + 1,
        )
        days = (
            await _days(asked, first, chosen, rows[:limit]) if grain is Grain.DAY and rows else None
        )
        before = (
            await _before(asked, first, chosen, rows[:limit])
            if compare is Compare.PREVIOUS and rows
            else None
        )
        sources = await asked.ask_lately("usage_freshness")
    except ModelNotBuilt:
        raise unavailable(NOT_BUILT, "not-built-yet") from None
    except TransientError:
        raise unavailable("ClickHouse does not answer right now; try again.") from None
    fresh = of_sources(sources, ["usage_tracking"], datetime.now(UTC))
    return AccountsUsage(
        month=f"{first:%Y-%m}",
        accounts=[_account(row, days, before) for row in rows[:limit]],
        next_cursor=_next(request, asker, rows[limit - 1]) if len(rows) > limit else None,
        fresh_as_of=fresh.data_until if fresh else None,
        refreshed_at=fresh.refreshed_at if fresh else None,
    )


# By customer and resource.
Days = dict[tuple[UUID, str], list[DayOfUse]]
Before = dict[tuple[UUID, str], int]


async def _days(asked: Warehouse, first: date, resource: str, rows: list[Row]) -> Days:
    found: Days = defaultdict(list)
    asking = days_of(first, resource, *_users(rows))
    for row in await asked.ask("usage_days_of_accounts", **asking):
        day = DayOfUse(date=row["date"], used_count=row["used_count"])
        found[row["user_id"], row["resource_type"]].append(day)
    return found


async def _before(asked: Warehouse, first: date, resource: str, rows: list[Row]) -> Before:
    found = await asked.ask(
        "usage_of_accounts_before",
        month=month_before(first),
        resource=resource,
        user_ids=as_ids(*_users(rows)),
    )
    return {(row["user_id"], row["resource_type"]): row["used_count"] for row in found}


def _users(rows: list[Row]) -> list[UUID]:
    return sorted({row["user_id"] for row in rows}, key=str)


def _account(row: Row, days: Days | None, used_before: Before | None) -> AccountUsage:
    before = None
    if used_before is not None:
        before = used_before.get((row["user_id"], row["resource_type"]), 0)
    return AccountUsage(
        user_id=row["user_id"],
        resource_type=row["resource_type"],
        plan_name=None if row["plan_name"] == NO_PLAN else row["plan_name"],
        used_count=row["used_count"],
        limit_count=row["limit_count"],
        overage_count=row["overage_count"],
        previous_used_count=before,
        change_percent=None if before is None else change_percent(before, row["used_count"]),
        days=None if days is None else days.get((row["user_id"], row["resource_type"]), []),
    )


def _next(request: Request, asker: Principal, row: Row) -> str:
    place = {"user_id": str(row["user_id"]), "resource": row["resource_type"]}
    return next_cursor(request, asker.id, place)


def _id(text: str | None) -> UUID:
    """A cursor is checked against who asks and for what, not against every edit of its inside."""
    try:
        return UUID(text) if text else UUID(int=0)
    except ValueError:
        return UUID(int=0)
