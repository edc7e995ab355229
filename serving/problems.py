"""Every refusal of the API as a problem document (RFC 9457).

Belongs here: the shape of an error answer and how the platform's own errors become one.
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from serving.measuring import endpoint_of
from serving.problem_kinds import KINDS, Kind, of_status
from serving.request_ids import request_id
from stores.errors import InputInvalid, TransientError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
# By the validator's name of the rule.
_RULES = {
    "missing": "is required",
    "extra_forbidden": "is not a field here",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "timezone_aware": "must name its zone, as 2026-11-23T09:30:00Z does",
}
_NOTHING_HERE = "There is nothing at this address; /docs lists what there is."


class Problem(Exception):
    """Raise this to answer with a problem document.

    `kind` is a slug of `problem_kinds`, by default the one of the status; `members` are added to
    the document.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        kind: str = "",
        **members: Any,
    ) -> None:
        self.status = status
        self.detail = detail
        self.headers = headers
        self.kind = KINDS[kind] if kind else of_status(status)
        self.members = members
        super().__init__(detail)


def unavailable(detail: str, kind: str = "store-unavailable") -> Problem:
    """The 503 after which a client should try the same request again."""
    return Problem(503, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)}, kind)


def invalid_parameter(field: str, rule: str) -> Problem:
    """The 422 for one parameter or field that breaks a rule."""
    broken = [{"field": field, "rule": rule}]
    return Problem(422, f"{field}: {rule}", invalid_parameters=broken)


def problem_response(problem: Problem) -> Response:
    """The document, as an answer."""
    body = {
        "type": problem.kind.type,
        "title": problem.kind.title,
        "status": problem.status,
        "detail": problem.detail,
        **problem.members,
    }
    if found := request_id.get():
        body["request_id"] = found
    headers = dict(problem.headers) if problem.headers else None
    return Response(
        orjson.dumps(body, option=orjson.OPT_UTC_Z), problem.status, headers, MEDIA_TYPE
    )


def documented(*problems: int | str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an endpoint that may answer with these, by status or by kind."""
    kinds: dict[int, list[Kind]] = {}
    for each in problems:
        kind = KINDS[each] if isinstance(each, str) else of_status(each)
        if kind not in kinds.setdefault(kind.status, []):
            kinds[kind.status].append(kind)
    return {status: _documented(found) for status, found in kinds.items()}


def _documented(kinds: list[Kind]) -> dict[str, Any]:
    """An answer of the OpenAPI document with an example of each kind."""
    examples = {
        kind.slug: {
            "summary": kind.title,
            "value": {
                "type": kind.type,
                "title": kind.title,
                "status": kind.status,
                "detail": kind.advice,
                "request_id": "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c11",
            },
        }
        for kind in kinds
    }
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    description = "; ".join(kind.title for kind in kinds)
    return {"description": description, "content": {MEDIA_TYPE: content}}


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457: what went wrong and what to do.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "Stable; leads to the page that says what to do.",
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {
            "type": "string",
            "description": "As in the header `X-Request-Id` and in the server's log.",
        },
        "invalid_parameters": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "rule": {"type": "string"},
                    "reason": {"type": "string"},
                },
            },
        },
    },
}


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InputInvalid, _input)
    app.add_exception_handler(TransientError, _transient)


async def answer_to(request: Request, error: Exception) -> Response:
    """The answer for an error that one of the handlers below is for."""
    if isinstance(error, Problem):
        return await _problem(request, error)
    if isinstance(error, InputInvalid):
        return await _input(request, error)
    return await _transient(request, error)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  registered for this type only
    return problem_response(error)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for this type only
    headers = error.headers or {}
    detail = str(error.detail)
    if detail == HTTPStatus.NOT_FOUND.phrase:
        detail = _NOTHING_HERE
    elif detail == HTTPStatus.METHOD_NOT_ALLOWED.phrase and "Allow" in headers:
        detail = f"This address takes {headers['Allow']}."
    return problem_response(Problem(error.status_code, detail, headers))


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this type only
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem_response(Problem(400, "The body is not valid JSON."))
    broken = [{"field": _place(item["loc"]), "rule": _rule(item)} for item in found]
    detail = "; ".join(f"{item['field']}: {item['rule']}" for item in broken)
    return problem_response(Problem(422, detail, invalid_parameters=broken))


def _place(parts: Sequence[int | str]) -> str:
    """Which field: without where it stands, unless the body as a whole is meant."""
    return ".".join(str(part) for part in parts[1:]) or str(parts[0])


def _rule(item: Mapping[str, Any]) -> str:
    """What must be, in words; the validator's own are for who writes the model."""
    return _RULES.get(item["type"]) or str(item["msg"])


async def _input(_: Request, error: Exception) -> Response:
    assert isinstance(error, InputInvalid)  # noqa: S101  registered for this type only
    broken = [{"field": error.field, "rule": error.rule}]
    return problem_response(Problem(400, str(error), invalid_parameters=broken))


async def _transient(request: Request, error: Exception) -> Response:
    logger.warning("%s failed for now: %s", endpoint_of(request.scope), type(error).__name__)
    return problem_response(unavailable("A store is not available right now; try again."))


def unexpected() -> Response:
    """The answer to an error that nobody foresaw."""
    return problem_response(Problem(500, "This is ours to mend; the server's log says more."))
