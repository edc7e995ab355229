"""Where is my event? From received to counted, or rejected and why.

Belongs here: the endpoint and how its answer is put together. ClickHouse is asked first and is
the truth; Redis only knows of events that are still on their way, and of those sent lately.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from serving.ingest.intake import Intake
from serving.problems import Problem, documented, unavailable
from serving.queries.warehouse import ModelNotBuilt, Row, Warehouse, of_application
from serving.security import require_scope
from stores.errors import TransientError
from stores.event_bus.rows import KINDS, Kind

router = APIRouter(prefix="/v1/events", tags=["events"])


class Slice(BaseModel):
    """The part of a relation in which the event counts, and whether it does so already."""

    relation: str = Field(examples=["rollups.rollup_user_activity_daily"])
    key: dict[str, str] = Field(examples=[{"date": "2026-11-23", "event_type": "page_view"}])
    is_counted: bool


class Watermark(BaseModel):
    """How far the rollups are."""

    data_until: datetime | None = Field(description="The newest event counted was received then.")
    refreshed_at: datetime | None = Field(description="When they were last brought up to date.")


class Refusal(BaseModel):
    """An event of this id that was not taken."""

    type: str
    field: str
    rule: str
    reason: str
    received_at: datetime
    replayed_at: datetime | None = Field(description="When it was sent on after all, if ever.")


class EventStatus(BaseModel):
    """What became of an event."""

    event_id: UUID
    type: str = Field(examples=["user_events"])
    status: Literal["received", "stored", "counted", "rejected"] = Field(
        description="received: on disk on the bus. stored: a row in ClickHouse. counted: in its"
        " slice of the rollup. rejected: none of it, see `refusals`."
    )
    event_time: datetime | None = Field(None, description="The event's own time.")
    received_at: datetime | None = None
    slice: Slice | None = None
    watermark: Watermark | None = None
    refusals: list[Refusal] = Field(
        description="What was refused under this id; beside a stored event, a conflicting one."
    )


@router.get(
    "/{event_id}/status",
    summary="What became of an event",
    dependencies=[Depends(require_scope("events:read"))],
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def status_of_event(
    request: Request,
    asked: Annotated[Warehouse, Depends(of_application)],
    event_id: Annotated[UUID, Path(description="event_id, metric_id or request_id.")],
) -> EventStatus:
    """Of all three kinds. 404 where no event of this id was ever accepted or kept as refused.

    503 also where that is not known: an event that is still on the bus is found by Redis alone.
    """
    try:
        return await _status(request, asked, event_id)
    except TransientError:
        raise unavailable("ClickHouse does not answer right now; try again.") from None


async def _status(request: Request, asked: Warehouse, event_id: UUID) -> EventStatus:
    refusals = [
        _refusal(row) for row in await asked.ask("whereabouts/event_rejections", id=str(event_id))
    ]
    for row in await asked.ask("whereabouts/event_ids", id=str(event_id)):
        kind = next(kind for kind in KINDS if kind.name == row["type"])
        return await _stored(asked, kind, event_id, refusals)
    if received := await _received(request.app.state.intake, event_id, refusals):
        return received
    if refusals:
        last = refusals[0]
        return EventStatus(
            event_id=event_id,
            type=last.type,
            status="rejected",
            received_at=last.received_at,
            refusals=refusals,
        )
    raise Problem(404, "No event of this id is known.")


async def _received(intake: Intake, event_id: UUID, refusals: list[Refusal]) -> EventStatus | None:
    """The event as one on its way, if it was accepted. Raises Problem where nobody knows."""
    for kind in KINDS:
        try:
            seen_at = await intake.seen_at(kind, str(event_id))
        except TransientError:
            raise unavailable(
                "The event is not stored; whether it is on its way cannot be told, for Redis does"
                " not answer. Try again."
            ) from None
        if seen_at is not None:
            return EventStatus(
                event_id=event_id,
                type=kind.name,
                status="received",
                received_at=datetime.fromtimestamp(seen_at, UTC),
                refusals=refusals,
            )
    return None


async def _stored(
    asked: Warehouse, kind: Kind, event_id: UUID, refusals: list[Refusal]
) -> EventStatus:
    [row] = await asked.ask(f"whereabouts/event_in_{kind.name}", id=str(event_id))
    event_time, received_at = _utc(row.pop("timestamp")), _utc(row.pop("received_at"))
    found = await _slice(asked, kind, row)
    return EventStatus(
        event_id=event_id,
        type=kind.name,
        status="counted" if found.is_counted else "stored",
        event_time=event_time,
        received_at=received_at,
        slice=found,
        watermark=await _watermark(asked, kind),
        refusals=refusals,
    )


_ROLLUPS = {
    "user_events": "rollups.rollup_user_activity_daily",
    "api_metrics": "rollups.rollup_api_health_hourly",
}


async def _slice(asked: Warehouse, kind: Kind, key: Row) -> Slice:
    """Counted is an event whose slice has as many in the rollup as there are stored.

    Rollups restate whole slices, so equal numbers mean the same events.
    """
    relation = _ROLLUPS.get(kind.name)
    shown = {name: _text(value) for name, value in key.items()}
    if relation is None:
        # Nothing is added up of these; the mart is a view of the table.
        return Slice(relation="marts.fct_interview_metrics", key=shown, is_counted=True)
    try:
        [counts] = await asked.ask(f"whereabouts/slice_of_{kind.name}", **key)
    except ModelNotBuilt:
        return Slice(relation=relation, key=shown, is_counted=False)
    is_counted = (counts["counted_count"] or 0) >= counts["stored_count"]
    return Slice(relation=relation, key=shown, is_counted=is_counted)


async def _watermark(asked: Warehouse, kind: Kind) -> Watermark | None:
    try:
        rows = await asked.ask("usage_freshness")
    except ModelNotBuilt:
        return None
    for row in rows:
        if row["name"] == kind.name:
            return Watermark(
                data_until=_utc(row["data_until"]), refreshed_at=_utc(row["refreshed_at"])
            )
    return None


def _refusal(row: Row) -> Refusal:
    kind = next((kind for kind in KINDS if row["topic"].startswith(kind.topic.name)), None)
    return Refusal(
        type=kind.name if kind else row["topic"],
        field=row["field"],
        rule=row["rule"],
        reason=row["reason"],
        received_at=_utc(row["received_at"]) or datetime.now(UTC),
        replayed_at=_utc(row["replayed_at"]),
    )


def _utc(moment: datetime | None) -> datetime | None:
    """The driver gives times in UTC without saying so."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
