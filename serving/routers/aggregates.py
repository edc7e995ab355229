"""Aggregates: appending what happened to one at the version expected, and reading its history.

Belongs here: addresses and status codes. Appending itself is in
`stores.postgres.event_store`.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.problems import Problem, documented
from serving.security import Principal, require_scope
from stores.errors import StateConflict, StoreBusy, StoreUnavailable
from stores.postgres import client as postgres
from stores.postgres import event_store

APPEND_LIMIT = 100
HISTORY_LIMIT = 1000
EVENT_DATA_LIMIT_BYTES = 64 * 1024
# PostgreSQL has a hundred connections for everybody.
_CONNECTIONS_LIMIT = 8
_ANSWER_SECONDS_LIMIT = 10

router = APIRouter(prefix="/v1/aggregates", tags=["aggregates"])
Name = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", min_length=1, max_length=50)
]
EventName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:-]*$", min_length=1, max_length=100)
]
EXAMPLE = {
    "expected_version": 0,
    "events": [
        {
            "event_id": "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c11",
            "event_type": "interview_created",
            "event_data": {"title": "Backend engineer"},
        }
    ],
}
AggregateType = Annotated[Name, Path(description="Such as `interview`.")]
AggregateId = Annotated[UUID, Path(description="The aggregate; an id belongs to one type.")]
Answer = TypeVar("Answer")


class NewEvent(BaseModel):
    """A fact to append."""

    model_config = ConfigDict(extra="forbid")
    event_id: UUID = Field(description="Made once for each fact: a repeated append is recognised.")
    event_type: EventName
    event_data: dict[str, Any] = Field(default_factory=dict, description="At most 64 KiB.")


class Append(BaseModel):
    """Facts to append together, all or none."""

    model_config = ConfigDict(extra="forbid")
    expected_version: int = Field(
        ge=0, strict=True, description="Where the aggregate is; 0: there is none yet."
    )
    events: list[NewEvent] = Field(min_length=1, max_length=APPEND_LIMIT)


class AppendedEvent(BaseModel):
    """A fact's place in the history."""

    event_id: UUID
    version: int


class Appended(BaseModel):
    """Where the aggregate is now."""

    version: int
    is_repeat: bool = Field(description="The same append was answered before; nothing was added.")
    events: list[AppendedEvent]


class StoredEvent(BaseModel):
    """A fact of the history."""

    event_id: UUID
    event_type: str
    event_data: dict[str, Any]
    version: int
    timestamp: datetime


class History(BaseModel):
    """A part of a history, in order."""

    aggregate_type: str
    aggregate_id: UUID
    events: list[StoredEvent]
    next_after_version: int | None = Field(
        description="Give this as `after_version` for the next part; null at the end."
    )


_slots = asyncio.Semaphore(_CONNECTIONS_LIMIT)


async def _in_postgres(work: Callable[[postgres.Connection], Answer]) -> Answer:
    """Run `work` on a connection in a thread. Raises StoreUnavailable, StoreBusy."""

    def run() -> Answer:
        options = f"-c statement_timeout={_ANSWER_SECONDS_LIMIT}s"
        try:
            with postgres.connect(autocommit=True, options=options) as connection:
                return work(connection)
        except postgres.OperationalError as error:
            raise StoreUnavailable("DATABASE_URL: PostgreSQL went away") from error

    try:
        async with asyncio.timeout(_ANSWER_SECONDS_LIMIT), _slots:
            return await to_thread.run_sync(run)
    except TimeoutError:
        raise StoreBusy("PostgreSQL gave no answer in time") from None


@router.post(
    "/{aggregate_type}/{aggregate_id}/events",
    status_code=201,
    summary="Append to an aggregate",
    responses=documented(401, 403, 409, 422, 429, 503)
    | {200: {"model": Appended, "description": "The same append was answered before"}},
    openapi_extra={"requestBody": {"content": {"application/json": {"example": EXAMPLE}}}},
)
async def append_events(
    aggregate_type: AggregateType,
    aggregate_id: AggregateId,
    wanted: Append,
    response: Response,
    _: Annotated[Principal, Depends(require_scope("aggregates:write"))],
) -> Appended:
    """All of the events or none, at the version expected, or 409 with `current_version`.

    After 503 or no answer send the same again: ids that are stored answer 200 with their versions.
    """
    _check(wanted)
    events = [event_store.NewEvent(e.event_id, e.event_type, e.event_data) for e in wanted.events]
    try:
        found = await _in_postgres(
            lambda connection: event_store.append(
                connection, aggregate_type, aggregate_id, events, wanted.expected_version
            )
        )
    except event_store.VersionConflict as error:
        raise Problem(
            409, f"{_sentence(error)}", None, current_version=error.current_version
        ) from None
    except StateConflict as error:
        raise Problem(409, _sentence(error)) from None
    if found.is_repeat:
        response.status_code = 200
    return Appended(
        version=found.versions[-1],
        is_repeat=found.is_repeat,
        events=[
            AppendedEvent(event_id=event.id, version=version)
            for event, version in zip(events, found.versions, strict=True)
        ],
    )


def _check(wanted: Append) -> None:
    ids = {event.event_id for event in wanted.events}
    sizes = [len(event.model_dump_json()) for event in wanted.events]
    rule = ""
    if len(ids) < len(wanted.events):
        rule = "must not hold an id twice"
    elif max(sizes) > EVENT_DATA_LIMIT_BYTES:
        rule = "must each be at most 64 KiB"
    elif any("\\u0000" in event.model_dump_json() for event in wanted.events):
        rule = "must not hold the character U+0000, which PostgreSQL cannot keep"
    if rule:
        broken = [{"field": "events", "rule": rule}]
        raise Problem(422, f"events: {rule}", None, invalid_parameters=broken)


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


@router.get(
    "/{aggregate_type}/{aggregate_id}/events",
    summary="Read the history of an aggregate",
    responses=documented(401, 403, 404, 422, 429, 503),
)
async def read_history(
    aggregate_type: AggregateType,
    aggregate_id: AggregateId,
    _: Annotated[Principal, Depends(require_scope("aggregates:read"))],
    after_version: Annotated[
        int, Query(ge=0, le=2**31 - 1, description="`next_after_version` of the part before.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=HISTORY_LIMIT, description="How many at most.")] = 100,
) -> History:
    """In order, from the version after `after_version`; what was read never changes."""
    found = await _in_postgres(
        lambda connection: event_store.history(
            connection, aggregate_type, aggregate_id, after_version, limit + 1
        )
    )
    if not found and after_version == 0:
        raise Problem(404, f"There is no {aggregate_type} with this id.")
    events = [
        StoredEvent(
            event_id=event.id,
            event_type=event.event_type,
            event_data=event.event_data,
            version=event.version,
            timestamp=event.timestamp,
        )
        for event in found[:limit]
    ]
    return History(
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        events=events,
        next_after_version=events[-1].version if len(found) > limit else None,
    )
