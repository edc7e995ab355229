"""The OpenAPI document says all that a client must know, of every route."""

from collections.abc import Iterator
from datetime import date
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import BaseModel, ValidationError

from serving.app import create_app
from serving.deprecation import deprecated
from serving.openapi import served

PUBLIC = {
    "/healthz",
    "/readyz",
    "/readyz/{dependency}",
    "/.well-known/jwks.json",
    "/v1/schemas",
    "/v1/schemas/{type}/{version}",
    "/v1/public/interviews/{token}",
}
APP = create_app()
DOCUMENT = APP.openapi()
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def _bodies(found: Any) -> Iterator[type[BaseModel]]:
    for _, route in served(found):
        if isinstance(route, APIRoute) and route.body_field:
            model = route.body_field.field_info.annotation
            if isinstance(model, type) and issubclass(model, BaseModel):
                yield model


BODIES = sorted(set(_bodies(APP.routes)), key=lambda model: model.__name__)


def _id(value: Any) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=_id)
def test_a_route_is_described_whole(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert len(operation["tags"]) == 1
    is_public = path in PUBLIC or path.startswith("/v1/auth/")
    assert operation.get("security") or is_public, "who may call it?"
    if operation.get("security"):
        assert {"401", "403", "429"} <= operation["responses"].keys()
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description") or parameter["schema"].get("description"), parameter
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        for kind, content in body.get("content", {}).items():
            assert "schema" in content, kind
            assert "example" in content or content.get("examples"), kind
    for status, answer in operation["responses"].items():
        assert answer["description"], status
        assert "X-Request-Id" in answer["headers"], status
        if int(status) >= 400:
            assert "application/problem+json" in answer["content"], status


def test_the_document_is_of_version_3_1_and_names_each_operation_once() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    used = {tag for _, _, operation in OPERATIONS for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"]}
    assert all(tag["description"] != tag["name"] for tag in DOCUMENT["tags"])
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]


def test_a_route_is_taken_away_only_after_it_was_announced() -> None:
    app = create_app()
    options = deprecated(date(2027, 1, 1), date(2027, 8, 1), "/docs#healthz")

    @app.get("/v1/old", **options)
    async def old() -> str:
        """Is going away."""
        return "still here"

    answer = TestClient(app).get("/v1/old")
    assert answer.headers["deprecation"] == "@1798761600"
    assert answer.headers["sunset"] == "Sun, 01 Aug 2027 00:00:00 GMT"
    assert answer.headers["link"] == '</docs#healthz>; rel="deprecation"'
    assert app.openapi()["paths"]["/v1/old"]["get"]["deprecated"] is True
    with pytest.raises(ValueError, match="180 days"):
        deprecated(date(2027, 1, 1), date(2027, 2, 1), "/docs")


def test_the_page_needs_nothing_from_elsewhere_and_shows_every_operation() -> None:
    page = TestClient(create_app()).get("/docs")
    for _, _, operation in OPERATIONS:
        assert f'id="{operation["operationId"]}"' in page.text
    assert "<script" not in page.text
    assert "src=" not in page.text
    assert 'href="http' not in page.text
    # Bodies and answers by field, whether they stand in the route or are named.
    assert "completed_session_count" in page.text
    # What is allowed, and to whom.
    assert "at least 1; at most 1000000000; 1 by default" in page.text
    assert "analysis, interviews, storage" in page.text
    assert "Needs the scope <code>quota:consume</code>" in page.text
    assert "style-src 'unsafe-inline'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_a_body_takes_no_boolean_for_an_integer_nor_the_other_way_round(
    model: type[BaseModel],
) -> None:
    for name, field in model.model_fields.items():
        for kind, other in ((int, True), (bool, 1)):
            if kind in (field.annotation, *get_args(field.annotation)):
                with pytest.raises(ValidationError):
                    model.__pydantic_validator__.validate_assignment(
                        model.model_construct(), name, other
                    )
