"""The OpenAPI document says all that a client must know, of every route."""

from typing import Any

import pytest

from serving.app import create_app

PUBLIC = {
    "/healthz",
    "/readyz",
    "/readyz/{dependency}",
    "/.well-known/jwks.json",
    "/v1/schemas",
    "/v1/schemas/{type}/{version}",
    "/v1/public/interviews/{token}",
}
DOCUMENT = create_app().openapi()
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


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
