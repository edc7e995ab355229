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


def _by_tag(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The tags, each with its operations."""
    found: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            shown = operation | {"method": method.upper(), "path": path}
            for tag in operation["tags"]:
                found[tag].append(shown)
    return [tag | {"operations": found[tag["name"]]} for tag in document["tags"]]


def _fields(schema: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    """What an object, or each of a list, has; by name where the schema only names it."""
    found = _resolved(schema, document)
    if "items" in found:
        found = _resolved(found["items"], document)
    needed = found.get("required", ())
    return [
        {"name": name, "is_needed": name in needed, **field, "kind": _kind(field)}
        for name, field in found.get("properties", {}).items()
    ]


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return document["components"]["schemas"][name] if name else schema


def _kind(field: dict[str, Any]) -> str:
    """A type in a word or two."""
    if "$ref" in field:
        return str(field["$ref"].rsplit("/", 1)[-1])
    for choice in ("anyOf", "oneOf"):
        if choice in field:
            return " or ".join(_kind(each) for each in field[choice])
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    return str(field.get("format") or field.get("type") or "any")


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """The page."""
    document = request.app.openapi()
    page = _pages.get_template("docs.html")
    return HTMLResponse(
        page.render(
            document=document,
            tags=_by_tag(document),
            fields=_fields,
            pretty=_pretty,
            with_code=_with_code,
        ),
        headers=PAGE_POLICY,
    )
