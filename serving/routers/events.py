"""Taking events: three endpoints that answer 202 only when the bus holds every accepted one.

Belongs here: HTTP of ingest, its limits and its answer. What an event may say is in
`stores.event_bus.contracts`.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from serving.problems import Problem, documented, unavailable
from serving.security import require_scope
from stores.errors import TransientError
from stores.event_bus.interface import AsyncPublisher, Message
from stores.event_bus.parsing import (
    EVENT_COUNT_LIMIT,
    Batch,
    TooManyEvents,
    parse_array,
    parse_lines,
)
from stores.event_bus.rows import API_METRIC, INTERVIEW_METRIC, USER_EVENT, Kind
from stores.postgres.api_keys import ApiKey

BODY_LIMIT_BYTES = 10 * 1024 * 1024
MESSAGE_LIMIT_EVENTS = 1000
MESSAGE_LIMIT_BYTES = 1024 * 1024
ARRAY_TYPES = ("application/json",)
LINES_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")

router = APIRouter(prefix="/v1", tags=["events"])
ENDPOINTS = {
    "/v1/events": USER_EVENT,
    "/v1/interview-metrics": INTERVIEW_METRIC,
    "/v1/api-metrics": API_METRIC,
}
Writer = Annotated[ApiKey, Depends(require_scope("events:write"))]


class RejectedEvent(BaseModel):
    """One broken rule of one event; an event that breaks two is listed twice."""

    index: int = Field(description="Place in the array, or number of the line, from 0.")
    field: str = Field(description="The field; empty where the event as a whole is meant.")
    rule: str = Field(description="What the field must be.")


class Receipt(BaseModel):
    """What became of a batch. Accepted events are on disk when this is sent."""

    accepted_count: int = Field(
        description="Events taken; each id counts once, however often sent."
    )
    duplicate_count: int = Field(description="Events of this batch with an id already in it.")
    rejected_count: int = Field(description="Events that break a rule and were not taken.")
    rejected: list[RejectedEvent] = Field(description="Why, by index, field and rule.")


def _body_schema(kind: Kind) -> dict[str, Any]:
    """The request body for the OpenAPI document: an array, or the same events by line."""
    schema = kind.event.model_json_schema()
    example = schema["examples"][0]
    array = {"type": "array", "maxItems": EVENT_COUNT_LIMIT, "items": schema}
    line = orjson.dumps(example).decode() + "\n"
    return {
        "requestBody": {
            "required": True,
            "content": {
                ARRAY_TYPES[0]: {"schema": array, "example": [example]},
                LINES_TYPES[0]: {"schema": {"type": "string"}, "example": line},
            },
        }
    }


def _options(kind: Kind, summary: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "status_code": 202,
        "response_description": "Every accepted event is on disk; what was refused is listed",
        "response_model": Receipt,
        "responses": documented(400, 401, 403, 413, 415, 503),
        "openapi_extra": _body_schema(kind),
    }


@router.post("/events", **_options(USER_EVENT, "Send user events"))
async def take_user_events(request: Request, _: Writer) -> Response:
    """Takes up to 10,000 events or 10 MiB. A bad event is reported and rejects no other.

    On 503 nothing may be assumed: send the same batch again, its ids count once.
    """
    return await _take(request, USER_EVENT)


@router.post("/interview-metrics", **_options(INTERVIEW_METRIC, "Send interview metrics"))
async def take_interview_metrics(request: Request, _: Writer) -> Response:
    """As user events. A metric without `metric_id` counts once by its whole content."""
    return await _take(request, INTERVIEW_METRIC)


@router.post("/api-metrics", **_options(API_METRIC, "Send API metrics"))
async def take_api_metrics(request: Request, _: Writer) -> Response:
    """As user events; `request_id` counts once."""
    return await _take(request, API_METRIC)


async def _take(request: Request, kind: Kind) -> Response:
    parse = _parser(request)
    body = await _read(request)
    try:
        batch = parse(kind, body)
    except TooManyEvents as error:
        raise Problem(413, str(error)) from None
    publisher: AsyncPublisher = request.app.state.publisher
    try:
        await publisher.publish(kind.topic.name, list(messages(batch.lines)))
    except TransientError:
        raise unavailable(
            "The events could not be made durable; send the same batch again."
        ) from None
    return Response(orjson.dumps(_receipt(batch)), 202, media_type="application/json")


def _parser(request: Request) -> Any:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Problem(415, f"Content-Encoding {encoding[:40]} is not supported; send it plain.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ARRAY_TYPES:
        return parse_array
    if kind in LINES_TYPES:
        return parse_lines
    raise Problem(415, f"Send Content-Type {ARRAY_TYPES[0]} (an array) or {LINES_TYPES[0]}.")


async def _read(request: Request) -> bytes:
    """The body; the announced length is checked first, the true one as it comes."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > BODY_LIMIT_BYTES:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > BODY_LIMIT_BYTES:
                raise _too_large()
            parts.append(part)
    except ClientDisconnect:
        raise Problem(400, "The client went away before the body was complete.") from None
    return b"".join(parts)


def _too_large() -> Problem:
    return Problem(
        413, f"The body is larger than {BODY_LIMIT_BYTES} bytes (10 MiB); send it in parts."
    )


def messages(lines: list[bytes]) -> Iterator[Message]:
    """Pack lines into messages that stay small enough to be handled one by one."""
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and (len(part) == MESSAGE_LIMIT_EVENTS or size + len(line) > MESSAGE_LIMIT_BYTES):
            yield Message(b"\n".join(part), len(part))
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield Message(b"\n".join(part), len(part))


def _receipt(batch: Batch) -> dict[str, Any]:
    return {
        "accepted_count": len(batch.lines),
        "duplicate_count": batch.duplicate_count,
        "rejected_count": batch.rejected_count,
        "rejected": batch.rejected,
    }
