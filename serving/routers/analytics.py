"""What the warehouse knows for those who run the service: cost of AI models, health of APIs.

Belongs here: addresses and shapes. How it is counted belongs to dbt's rollups.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field, PlainSerializer

from serving import paging
from serving.paging import Moment
from serving.principals import Principal
from serving.problems import Problem, documented
from serving.queries.warehouse import Warehouse, of_application
from serving.read_models import ask_warehouse, tenant_filter
from serving.security import require_scope

# As text: a number of JSON is a binary fraction to most who read it.
Money = Annotated[Decimal, PlainSerializer(str, return_type=str, when_used="json")]
_EARLIEST, _LATEST = date(1970, 1, 2), date(2100, 1, 1)

router = APIRouter(prefix="/v1/analytics", tags=["analytics"])
_reader = require_scope("analytics:read")
Reader = Annotated[Principal, Depends(_reader)]
_PROBLEMS = documented(401, 403, 404, "invalid-parameter", "invalid-cursor", 429) | documented(
    "store-unavailable", "not-built-yet"
)


class AiCost(BaseModel):
    """What a customer's candidates were analysed for by one model on one day."""

    date: date
    user_id: UUID = Field(description="The nil UUID where the interview is not known.")
    model_name: str
    model_version: str
    analysis_count: int
    unpriced_count: int = Field(description="How many of them carry no cost.")
    cost_usd: Money = Field(description="What the others cost together.", examples=["12.3400"])


class AiCosts(BaseModel):
    """A part of the costs, the latest day first."""

    costs: list[AiCost]
    next_cursor: str | None = Field(description="Null at the end.")


class ApiHealth(BaseModel):
    """One hour of one endpoint."""

    hour: Moment
    service_name: str
    method: str
    endpoint: str
    request_count: int
    client_error_count: int = Field(description="Answered 400 to 499.")
    server_error_count: int = Field(description="Answered 500 and above.")
    response_time_ms_p50: float
    response_time_ms_p95: float
    response_time_ms_p99: float


class ApiHealths(BaseModel):
    """A part of the hours, the latest first."""

    hours: list[ApiHealth]
    next_cursor: str | None = Field(description="Null at the end.")


@router.get("/ai-cost", summary="What AI models cost, by day", responses=_PROBLEMS)
async def read_ai_cost(
    *,
    request: Request,
    reader: Reader,
    asked: Annotated[Warehouse, Depends(of_application)],
    user_id: Annotated[UUID | None, Query(description="Of this customer alone.")] = None,
    date_from: Annotated[
        date, Query(alias="date.gte", ge=_EARLIEST, le=_LATEST, description="That day or later.")
    ] = _EARLIEST,
    date_until: Annotated[
        date, Query(alias="date.lt", ge=_EARLIEST, le=_LATEST, description="Before that day.")
    ] = _LATEST,
    model_name: Annotated[str, Query(max_length=100, description="Of this model alone.")] = "",
    limit: paging.Limit = 100,
    cursor: paging.Cursor = None,
) -> AiCosts:
    """A customer sees its own. Needs `analytics:read`."""
    owner = tenant_filter(reader, user_id)
    columns = {"date": str, "user_id": str, "model_name": str, "model_version": str}
    place = paging.place_of(request, reader.id, cursor, columns)
    rows = await ask_warehouse(
        asked,
        "ai_cost_daily",
        user_id=str(owner or UUID(int=0)),
        is_of_one=owner is not None,
        date_from=date_from,
        date_until=date_until,
        model_name=model_name,
        is_after=cursor is not None,
        after_date=_day(place["date"]),
        after_user_id=place["user_id"] or str(UUID(int=0)),
        after_model_name=place["model_name"] or "",
        after_model_version=place["model_version"] or "",
        row_limit=limit + 1,
    )
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return AiCosts(
        costs=[AiCost(**row) for row in shown],
        next_cursor=last
        and paging.next_cursor(request, reader.id, {name: str(last[name]) for name in columns}),
    )


@router.get("/api-health", summary="How APIs answered, by hour", responses=_PROBLEMS)
async def read_api_health(
    *,
    request: Request,
    reader: Reader,
    asked: Annotated[Warehouse, Depends(of_application)],
    hour_from: Annotated[
        paging.MomentGiven | None, Query(alias="hour.gte", description="That hour or later.")
    ] = None,
    hour_until: Annotated[
        paging.MomentGiven | None, Query(alias="hour.lt", description="Before that hour.")
    ] = None,
    service_name: Annotated[str, Query(max_length=100, description="Of this service alone.")] = "",
    server_errors_from: Annotated[
        int, Query(alias="server_error_count.gte", ge=0, le=2**31, description="At least so many.")
    ] = 0,
    limit: paging.Limit = 100,
    cursor: paging.Cursor = None,
) -> ApiHealths:
    """Of all services, so a customer's credentials get 403. Needs `analytics:read`."""
    if reader.user_id is not None:
        raise Problem(403, "The health of services is for those who run them, not for customers.")
    columns = {"hour": str, "service_name": str, "method": str, "endpoint": str}
    place = paging.place_of(request, reader.id, cursor, columns)
    rows = await ask_warehouse(
        asked,
        "api_health_hourly",
        hour_from=_seconds(hour_from, 0),
        hour_until=_seconds(hour_until, 2**32 - 1),
        service_name=service_name,
        server_errors_from=server_errors_from,
        is_after=cursor is not None,
        after_hour=_seconds(_moment(place["hour"]), 0),
        after_service_name=place["service_name"] or "",
        after_method=place["method"] or "",
        after_endpoint=place["endpoint"] or "",
        row_limit=limit + 1,
    )
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    place_after = last and {**last, "hour": paging.utc_text(last["hour"])}
    return ApiHealths(
        hours=[ApiHealth(**row) for row in shown],
        next_cursor=place_after
        and paging.next_cursor(request, reader.id, {name: place_after[name] for name in columns}),
    )


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text) if text else _EARLIEST
    except ValueError:
        raise _bad_cursor() from None


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise _bad_cursor() from None


def _seconds(moment: datetime | None, otherwise: int) -> int:
    """Since 1970, within what ClickHouse's DateTime can hold."""
    if moment is None:
        return otherwise
    return min(max(int(moment.timestamp()), 0), 2**32 - 1)


def _bad_cursor() -> Problem:
    return Problem(422, "The cursor is not one of this address.", kind="invalid-cursor")
