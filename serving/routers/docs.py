"""`/docs`: the API's reference as one plain page, made from its own OpenAPI document.

Belongs here: that page. The usual viewers load their code from elsewhere; this one needs
neither network nor script.
"""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from serving.routers.plain_pages import PAGE_POLICY, PAGES

router = APIRouter(include_in_schema=False)


def _pretty(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


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
    # A body that may be left out.
    objects = [each for each in found.get("anyOf", ()) if "$ref" in each]
    if objects:
        found = _resolved(objects[0], document)
    if "items" in found:
        found = _resolved(found["items"], document)
    needed = found.get("required", ())
    return [
        {
            "name": name,
            "is_needed": name in needed,
            **field,
            "kind": _kind(field),
            "bounds": _bounds(_whole(field, document)),
        }
        for name, field in found.get("properties", {}).items()
    ]


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return document["components"]["schemas"][name] if name else schema


# How a bound of a field is told.
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "length at least {}",
    "maxLength": "length at most {}",
    "maxItems": "at most {} items",
}


def _bounds(field: dict[str, Any]) -> str:
    """What is allowed beyond the type: the values, or from where to where."""
    told = [text.format(_number(field[name])) for name, text in _BOUNDS.items() if name in field]
    if "enum" in field:
        told.append(", ".join(str(value) for value in field["enum"]))
    if "default" in field and field["default"] is not None:
        told.append(f"{field['default']} by default")
    others = [_bounds(each) for each in field.get("anyOf", ())]
    return "; ".join(each for each in [*told, *others] if each)


def _number(value: float) -> str:
    """Without the point that the document gives every bound."""
    return str(int(value) if value == int(value) else value)


def _whole(field: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """With the values of an enumeration that it only names."""
    named = _resolved(field, document)
    if "enum" in named:
        return {"type": named.get("type"), **named, **field}
    choices = field.get("anyOf")
    if choices:
        return field | {"anyOf": [_whole(each, document) for each in choices]}
    return field


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
    page = PAGES.get_template("docs.html")
    return HTMLResponse(
        page.render(
            document=document,
            tags=_by_tag(document),
            fields=_fields,
            bounds=lambda schema: _bounds(_whole(schema, document)),
            kind=_kind,
            pretty=_pretty,
        ),
        headers=PAGE_POLICY,
    )
