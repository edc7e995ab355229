"""Taking events: endpoints that answer 202 only when the bus holds every accepted one.

Belongs here: addresses, content types and status codes of ingest. What happens to a body is in
`serving.ingest`, what an event may say in `stores.event_bus.contracts`.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.direct import Answer, served_by
from serving.ingest.bodies import read_body
from serving.ingest.intake import Intake, rate_limit_headers
from serving.ingest.receipts import Receipt, receipt_bytes
from serving.parameters import unknown
from serving.problems import Problem, documented, unavailable
from serving.security import authorize
from stores.errors import InputInvalid, TransientError
from stores.event_bus import cloudevents
from stores.event_bus.parsing import (
    EVENT_COUNT_LIMIT,
    Batch,
    Rejection,
    TooManyEvents,
    Window,
    backfill_window,
    live_window,
    parse_array,
    parse_lines,
)
from stores.event_bus.rows import API_METRIC, INTERVIEW_METRIC, USER_EVENT, Kind
from stores.settings import Settings

ARRAY_TYPES = ("application/json",)
LINES_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
WRITE_SCOPE = "events:write"
BACKFILL_SCOPE = "events:backfill"
_WINDOWS_LIMIT = 100

router = APIRouter(prefix="/v1", tags=["events"])
ENDPOINTS = {
    "/v1/events": USER_EVENT,
    "/v1/interview-metrics": INTERVIEW_METRIC,
    "/v1/api-metrics": API_METRIC,
}

Parse = Callable[[Kind, bytes, Window | None], Batch]
_PARSERS: dict[str, Parse] = {
    **dict.fromkeys(ARRAY_TYPES, parse_array),
    **dict.fromkeys(LINES_TYPES, parse_lines),
    cloudevents.SINGLE_TYPE: cloudevents.parse_single,
    cloudevents.BATCH_TYPE: cloudevents.parse_batch,
}


def _body_schema(kind: Kind) -> dict[str, Any]:
    """The request body for the OpenAPI document, in each of its forms."""
    schema = kind.event.model_json_schema()
    example = schema["examples"][0]
    array = {"type": "array", "maxItems": EVENT_COUNT_LIMIT, "items": schema}
    line = orjson.dumps(example).decode() + "\n"
    envelope = _envelope(kind, example)
    cloud = _cloud_event_schema(kind)
    return {
        "security": [{"HTTPBearer": []}],
        "parameters": [
            _header("Prefer", "`return=minimal` leaves the receipts of accepted events out."),
            _header("Content-Encoding", "`gzip` or `zstd`."),
            {
                "name": "schema_version",
                "in": "query",
                "schema": {"type": "integer"},
                "description": f"The version of the contract that was written for: {kind.version}.",
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                ARRAY_TYPES[0]: {"schema": array, "example": [example]},
                LINES_TYPES[0]: {"schema": {"type": "string"}, "example": line},
                cloudevents.SINGLE_TYPE: {"schema": cloud, "example": envelope},
                cloudevents.BATCH_TYPE: {
                    "schema": {"type": "array", "maxItems": EVENT_COUNT_LIMIT, "items": cloud},
                    "example": [envelope],
                },
            },
        },
    }


def _cloud_event_schema(kind: Kind) -> dict[str, Any]:
    texts = {
        "specversion": "`1.0`.",
        "id": f"Becomes `{kind.topic.id_column}`.",
        "source": "Who sends it; needed by CloudEvents, not kept.",
        "type": "Becomes `event_type`." if kind is USER_EVENT else f"`{kind.name}`.",
        "time": "Becomes `timestamp`.",
        "subject": "Becomes `user_id`, where `data` has none.",
        "dataschema": f"Ends in `{cloudevents.schema_path(kind)}`, if it is given.",
    }
    properties: dict[str, Any] = {
        name: {"type": "string", "description": text} for name, text in texts.items()
    }
    properties["data"] = {"type": "object", "description": "All other fields."}
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type"],
        "properties": properties,
    }


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "string"}, "description": description}


def _envelope(kind: Kind, example: dict[str, Any]) -> dict[str, Any]:
    data = dict(example)
    return {
        "specversion": "1.0",
        "id": data.pop(kind.topic.id_column, "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c12"),
        "source": "/services/web",
        "type": data.pop("event_type", kind.name),
        "time": data.pop("timestamp"),
        "dataschema": cloudevents.schema_path(kind),
        "data": data,
    }


def _options(kind: Kind, summary: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "status_code": 202,
        "response_description": "Every accepted event is on disk; what was refused is listed",
        "response_model": Receipt,
        "responses": documented(400, 401, 403, 408, 413, 415, 429, 503),
        "openapi_extra": _body_schema(kind),
    }


@router.post("/events", **_options(USER_EVENT, "Send user events"))
async def take_user_events(request: Request) -> Response:
    """Takes up to 10,000 events or 10 MiB. A bad event is reported and rejects no other.

    On 503 nothing may be assumed: send the same batch again, its ids count once.
    Needs the scope `events:write`.
    """
    return await _take(request, USER_EVENT, WRITE_SCOPE)


@router.post("/interview-metrics", **_options(INTERVIEW_METRIC, "Send interview metrics"))
async def take_interview_metrics(request: Request) -> Response:
    """As user events. A metric without `metric_id` counts once by its whole content."""
    return await _take(request, INTERVIEW_METRIC, WRITE_SCOPE)


@router.post("/api-metrics", **_options(API_METRIC, "Send API metrics"))
async def take_api_metrics(request: Request) -> Response:
    """As user events; `request_id` counts once."""
    return await _take(request, API_METRIC, WRITE_SCOPE)


@router.post("/backfill/events", **_options(USER_EVENT, "Send user events of any time kept"))
async def backfill_user_events(request: Request) -> Response:
    """As `/v1/events`, for events that are too old or too far ahead for it.

    The days they belong to are restated. Needs the scope `events:backfill`.
    """
    return await _take(request, USER_EVENT, BACKFILL_SCOPE)


@router.post(
    "/backfill/interview-metrics",
    **_options(INTERVIEW_METRIC, "Send interview metrics of any time kept"),
)
async def backfill_interview_metrics(request: Request) -> Response:
    """As `/v1/backfill/events`."""
    return await _take(request, INTERVIEW_METRIC, BACKFILL_SCOPE)


@router.post("/backfill/api-metrics", **_options(API_METRIC, "Send API metrics of any time kept"))
async def backfill_api_metrics(request: Request) -> Response:
    """As `/v1/backfill/events`."""
    return await _take(request, API_METRIC, BACKFILL_SCOPE)


async def _take(request: Request, kind: Kind, scope: str) -> Response:
    body, headers = await _answer(request, kind, scope)
    return Response(body, 202, dict(headers), "application/json")


async def _answer(request: Request, kind: Kind, scope: str) -> tuple[bytes, list[tuple[str, str]]]:
    """The answer to a batch, its body and headers. Raises Problem and whatever becomes one."""
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]
    }
    key = await authorize(request.app.state.keyring, headers.get("authorization", ""), scope)
    intake: Intake = request.app.state.intake
    settings: Settings = request.app.state.settings
    intake.turn_away_early(key)
    if request.scope["query_string"]:
        _check_version(request, kind)
    parse = _parser(headers)
    body = await read_body(request, headers, settings.api_body_seconds)
    try:
        batch = parse(kind, body, _window(kind, scope, settings))
    except TooManyEvents as error:
        raise Problem(413, str(error), limit_event_count=EVENT_COUNT_LIMIT) from None
    except InputInvalid as error:
        await intake.admit(key, 0, kind.name, b"")
        unreadable = Rejection(0, error.field, "not_json", error.rule, body=body)
        await _or_unavailable(intake.bury(kind, key, [unreadable]))
        raise
    admission = await _or_unavailable(intake.take(kind, key, batch))
    answered = rate_limit_headers(admission)
    is_minimal = headers.get("prefer", "").replace(" ", "") == "return=minimal"
    if is_minimal:
        answered.append(("preference-applied", "return=minimal"))
    return receipt_bytes(batch, is_minimal=is_minimal), answered


async def _or_unavailable(work: Any) -> Any:
    try:
        return await work
    except TransientError:
        raise unavailable(
            "The events could not be made durable; send the same batch again."
        ) from None


# A window moves by the millisecond; one that is a second old is as good.
_windows: dict[tuple[str, str, int], Window] = {}


def _window(kind: Kind, scope: str, settings: Settings) -> Window:
    name = (kind.name, scope, int(time.time()))
    found = _windows.get(name)
    if found is None:
        if len(_windows) > _WINDOWS_LIMIT:
            _windows.clear()
        found = _windows[name] = _new_window(kind, scope, settings)
    return found


def _new_window(kind: Kind, scope: str, settings: Settings) -> Window:
    now = datetime.now(UTC)
    if scope == BACKFILL_SCOPE:
        return backfill_window(kind, now)
    return live_window(kind, now, settings.event_late_days, settings.event_early_minutes)


def _check_version(request: Request, kind: Kind) -> None:
    for name in request.query_params:
        if name != "schema_version":
            raise unknown(name, ["schema_version"])
    version = request.query_params.get("schema_version", str(kind.version))
    if version != str(kind.version):
        raise InputInvalid("schema_version", f"must be {kind.version}; /v1/schemas lists them")


def _parser(headers: dict[str, str]) -> Parse:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-specversion" in headers and given in ARRAY_TYPES:
        return lambda kind, body, window: cloudevents.parse_binary(kind, headers, body, window)
    parse = _PARSERS.get(given)
    if parse is None:
        raise Problem(
            415,
            f"Send Content-Type {ARRAY_TYPES[0]} (an array), {LINES_TYPES[0]},"
            f" {cloudevents.SINGLE_TYPE} or {cloudevents.BATCH_TYPE}.",
        )
    return parse


async def _direct(kind: Kind, scope: str, request: Request) -> Answer:
    body, headers = await _answer(request, kind, scope)
    return Answer(202, body, headers)


# Routing takes longer than all that is done for a single event.
DIRECT = served_by(
    router.routes,
    {
        **{path: partial(_direct, kind, WRITE_SCOPE) for path, kind in ENDPOINTS.items()},
        **{
            path.replace("/v1/", "/v1/backfill/"): partial(_direct, kind, BACKFILL_SCOPE)
            for path, kind in ENDPOINTS.items()
        },
    },
)
