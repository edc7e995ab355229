"""Every refusal of the API as a problem document (RFC 9457).

Belongs here: the shape of an error answer and how the platform's own errors become one.
"""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from stores.errors import InputInvalid, TransientError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_TITLES = {
    400: "The request cannot be read",
    401: "A valid API key is needed",
    403: "The API key does not allow this",
    404: "There is nothing here",
    405: "The method is not allowed here",
    408: "The request took too long to arrive",
    409: "What is there contradicts what was asked",
    413: "The request is too large",
    415: "The content type is not supported",
    422: "A parameter breaks a rule",
    429: "The rate limit is reached",
    500: "The platform failed",
    503: "A store is not available",
}


class Problem(Exception):
    """Raise this to answer with a problem document. `members` are added to it."""

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        self.status = status
        self.detail = detail
        self.headers = headers
        self.members = members
        super().__init__(detail)


def unavailable(detail: str) -> Problem:
    """The 503 after which a client should try the same request again."""
    return Problem(503, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def problem_response(problem: Problem) -> Response:
    """The document, as an answer."""
    body = {
        "type": "about:blank",
        "title": _TITLES.get(problem.status, "The request failed"),
        "status": problem.status,
        "detail": problem.detail,
        **problem.members,
    }
    headers = dict(problem.headers) if problem.headers else None
    return Response(orjson.dumps(body), problem.status, headers, MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an endpoint that may answer with these problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _TITLES[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457: what went wrong and what to do.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
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
    app.add_exception_handler(Exception, _unexpected)


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
    return problem_response(Problem(error.status_code, str(error.detail), error.headers))


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this type only
    broken = [
        {"field": ".".join(str(part) for part in item["loc"][1:]), "rule": item["msg"]}
        for item in error.errors()
    ]
    detail = "; ".join(f"{item['field']}: {item['rule']}" for item in broken)
    return problem_response(Problem(422, detail, invalid_parameters=broken))


async def _input(_: Request, error: Exception) -> Response:
    assert isinstance(error, InputInvalid)  # noqa: S101  registered for this type only
    broken = [{"field": error.field, "rule": error.rule}]
    return problem_response(Problem(400, str(error), invalid_parameters=broken))


async def _transient(request: Request, error: Exception) -> Response:
    logger.warning("%s failed for now: %s", request.url.path, type(error).__name__)
    return problem_response(unavailable("A store is not available right now; try again."))


async def _unexpected(_: Request, error: Exception) -> Response:  # noqa: ARG001  logged by the server
    return problem_response(Problem(500, "This is ours to mend; the server's log says more."))
