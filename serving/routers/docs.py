"""`/docs`: the API's reference as one plain page, made from its own OpenAPI document.

Belongs here: that page. The usual viewers load their code from elsewhere; this one needs
neither network nor script.
"""

import re
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

from serving.routers.problem_pages import PAGE_POLICY

router = APIRouter(include_in_schema=False)
_CODE = re.compile(r"`([^`]+)`")
_pages = Environment(
    loader=PackageLoader("serving.routers", "templates"), autoescape=select_autoescape()
)


def _pretty(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _with_code(text: str) -> Markup:
    """Backticks as a page shows them; all else escaped."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped before


def _example_of(document: dict[str, Any], content: dict[str, Any]) -> Any:
    """The example of a body: its own, else that of its schema."""
    if "example" in content:
        return content["example"]
    schema = content["schema"]
    named = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2])
    found = (named or schema).get("examples")
    return found[0] if found else {}


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        operation | {"method": method.upper(), "path": path}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """The page."""
    document = request.app.openapi()
    page = _pages.get_template("docs.html")
    return HTMLResponse(
        page.render(
            document=document,
            operations=_operations(document),
            pretty=_pretty,
            example_of=_example_of,
            with_code=_with_code,
        ),
        headers=PAGE_POLICY,
    )
