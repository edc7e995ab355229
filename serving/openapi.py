"""The OpenAPI document: what FastAPI makes of the routes, and what is true of all of them.

Belongs here: what no route should have to say for itself: that every error is a problem, that a
body may be unreadable or too large, that a server may be busy, which headers every answer has.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from serving import openapi_examples, problems

_TAGS = {
    "health": "Is the API alive, and can it do its work? Most of it needs no credentials.",
    "sign-in": "Accounts, sessions and the keys that tokens are signed with.",
    "keys": "Keys of services.",
    "events": "Taking events, and what became of them.",
    "schemas": "The contracts of events.",
    "aggregates": "The event store.",
    "entitlements": "What a customer may use, and has used.",
    "quota": "Using what a customer may use.",
    "usage": "What was used.",
    "interviews": "Interviews, their candidates' sessions and their media.",
    "analytics": "What the warehouse knows.",
    "search": "Transcripts.",
    "media": "Uploads.",
    "webhooks": "Being told.",
    "dashboards": "Pages for people; here is how a script opens one for them.",
}
_ANSWER_HEADERS = {
    "X-Request-Id": {
        "description": "The one that was sent, or a new one; name it when you report a problem.",
        "schema": {"type": "string"},
    }
}
_BODY_PROBLEMS = (400, 408, 413)
# A limit of the server and not of a route; 504 where an answer takes too long.
_SERVER_PROBLEMS = ("overloaded", 504)


def name_of(route: APIRoute) -> str:
    """An operation is called as its function is; clients are generated with these names."""
    return route.name


def describe(app: FastAPI) -> None:
    """Let `app.openapi()` answer the completed document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        license_info={"name": "Proprietary"},
        servers=[{"url": "/", "description": "Where this document was read"}],
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = problems.PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    used: set[str] = set()
    scopes = {
        name_of(route): needed
        for _, route in served(app.routes)
        if isinstance(route, APIRoute)
        for needed in _needed_scopes(route.dependant)
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            _name_scope(operation, scopes.get(operation["operationId"]))
            _complete(operation)
            openapi_examples.complete(operation, schemas)
            used.update(operation.get("tags", ()))
    listed = [name for name in _TAGS if name in used] + sorted(used - _TAGS.keys())
    document["paths"] = dict(
        sorted(document["paths"].items(), key=lambda path: _place(path[1], listed))
    )
    document["tags"] = [{"name": name, "description": _TAGS.get(name, name)} for name in listed]
    return document


def served(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Path and route of everything that is served, those of included routers among them."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from served(included.routes, prefix + route.include_context.prefix)
        else:
            yield prefix + route.path, route


def _needed_scopes(dependant: Dependant) -> Iterator[str]:
    scope = getattr(dependant.call, "scope", None)
    if isinstance(scope, str):
        yield scope
    for each in dependant.dependencies:
        yield from _needed_scopes(each)


def _name_scope(operation: dict[str, Any], scope: str | None) -> None:
    """Where the document has it for machines, and in words unless the route says it itself."""
    if scope is None:
        return
    operation["security"] = [{name: [scope] for name in needed} for needed in operation["security"]]
    said = operation.get("description", "")
    if f"`{scope}`" not in said:
        operation["description"] = f"{said}\n\nNeeds the scope `{scope}`.".strip()


def _place(operations: dict[str, Any], listed: list[str]) -> int:
    """Where a path is listed: with its tag. Requests are compared in another order."""
    tags = [tag for operation in operations.values() for tag in operation.get("tags", ())]
    return min((listed.index(tag) for tag in tags), default=len(listed))


def _complete(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    answer = answers.get("422", {}).get("content", {})
    if "application/json" in answer:
        # FastAPI's own, which is not what is answered.
        answers["422"] = problems.documented(422)[422]
    # A parameter that is not known is refused everywhere.
    _add(answers, 422)
    for problem in _SERVER_PROBLEMS:
        _add(answers, problem)
    if "requestBody" in operation:
        for problem in _BODY_PROBLEMS:
            _add(answers, problem)
    if operation.get("security"):
        for problem in (401, 403, 429):
            _add(answers, problem)
    for found in answers.values():
        found.setdefault("headers", {}).update(_ANSWER_HEADERS)
    operation["responses"] = dict(sorted(answers.items()))


def _add(answers: dict[str, Any], problem: int | str) -> None:
    """Unless the route says more of it."""
    [(status, documented)] = problems.documented(problem).items()
    mine = answers.setdefault(str(status), documented)
    content = mine.setdefault("content", {})
    if problems.MEDIA_TYPE not in content and content is not documented["content"]:
        content.update(documented["content"])
