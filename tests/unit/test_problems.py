"""Problems: stable types, each with a page, and no kind that is raised but not listed."""

import ast
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import AwareDatetime, BaseModel, ConfigDict

import serving
from serving import problems
from serving.app import create_app
from serving.problem_kinds import KINDS, of_status

SOURCES = Path(str(serving.__file__)).parent


def test_every_kind_has_a_page_that_says_what_to_do() -> None:
    client = TestClient(create_app())
    index = client.get("/problems")
    assert index.status_code == 200
    for kind in KINDS.values():
        page = client.get(kind.type)
        assert page.status_code == 200
        assert f"<code>{kind.type}</code>" in page.text
        assert f'href="{kind.type}"' in index.text
    missing = client.get("/problems/none")
    assert missing.json()["type"] == "/problems/not-found"
    assert client.get(missing.json()["type"]).status_code == 200


def test_a_problem_raised_with_a_kind_has_the_status_of_its_kind() -> None:
    found = []
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem"):
                continue
            named = [word.value for word in node.keywords if word.arg == "kind"] + node.args[3:4]
            for kind, status in zip(named, node.args[:1], strict=False):
                if isinstance(kind, ast.Constant) and isinstance(status, ast.Constant):
                    found.append((path.name, node.lineno, kind.value, status.value))
    assert len(found) >= 3
    assert [
        each for each in found if each[2] not in KINDS or KINDS[each[2]].status != each[3]
    ] == []


def test_every_status_that_is_answered_has_a_kind_of_its_own() -> None:
    for status in (400, 401, 403, 404, 405, 406, 408, 409, 410, 413, 415, 422, 429, 500, 503, 504):
        assert of_status(status).status == status


def test_an_unforeseen_error_is_told_with_its_id_and_without_its_words() -> None:
    app = create_app()

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a secret row")

    answer = TestClient(app).get("/broken", headers={"X-Request-Id": "abc-1"})
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "abc-1"
    assert "secret" not in answer.text
    strange = TestClient(app).get("/healthz", headers={"X-Request-Id": "a\tb" + "x" * 200})
    assert len(strange.headers["x-request-id"]) == 36
    assert strange.headers["x-content-type-options"] == "nosniff"


class Body(BaseModel):
    """What the route below takes."""

    model_config = ConfigDict(extra="forbid")
    name: str
    at: AwareDatetime | None = None


@pytest.mark.parametrize(
    ("sent", "field", "rule"),
    [
        ([], "body", "must be a JSON object"),
        (None, "body", "is required"),
        ({}, "name", "is required"),
        ({"name": "a", "nme": 1}, "nme", "is not a field here"),
        ({"name": "a", "at": "2026-11-23T09:30:00"}, "at", "must name its zone"),
    ],
)
def test_a_broken_rule_names_its_field_and_says_what_must_be(
    sent: object, field: str, rule: str
) -> None:
    answer = _client().post("/taken", json=sent) if sent is not None else _client().post("/taken")
    assert answer.status_code == 422
    (broken,) = answer.json()["invalid_parameters"]
    assert broken["field"] == field
    assert broken["rule"].startswith(rule)


def test_an_address_that_is_not_there_leads_to_those_that_are() -> None:
    assert "/docs" in _client().get("/nowhere").json()["detail"]
    assert _client().get("/taken").json()["detail"] == "This address takes POST."


def _client() -> TestClient:
    app = FastAPI()
    problems.install(app)

    @app.post("/taken")
    async def taken(body: Body) -> str:
        return body.name

    return TestClient(app)
