"""Unknown query parameters are refused: a misspelt filter would otherwise answer everything.

Belongs here: the check, a dependency of the whole application. Unknown fields of a body are refused
by its model.
"""

from difflib import get_close_matches
from typing import Any

from anyio import to_thread
from fastapi import Request

from serving.problems import Problem


async def refuse_unknown(request: Request) -> None:
    """Raises Problem 422 naming what is not known, and what is.

    Known is what the OpenAPI document says; what is not in it, such as pages, reads its own.
    """
    if "\x00" in request.url.path or "%00" in request.url.query:
        # PostgreSQL keeps no such character, so nothing with it is there.
        raise Problem(422, "The address holds the character U+0000, which is allowed nowhere.")
    if not request.url.query:
        return
    if request.app.openapi_schema is None:
        # Half a second of work, once; others are answered meanwhile.
        await to_thread.run_sync(request.app.openapi)
    paths: dict[str, Any] = request.app.openapi()["paths"]
    template = getattr(request.scope.get("route"), "path", "")
    operation = paths.get(template, {}).get(request.method.lower())
    if operation is None:
        return
    known = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    for name in request.query_params:
        if name not in known:
            raise unknown(name, sorted(known))


def unknown(name: str, known: list[str]) -> Problem:
    """The refusal of a parameter, where there are only those in `known`."""
    shown = name[:60]
    near = get_close_matches(name, known, 1)
    there = f"there are {', '.join(known)}" if known else "there are none"
    meant = f"; did you mean {near[0]}?" if near else "."
    return Problem(
        422,
        f"The parameter {shown!r} is not known here: {there}{meant}",
        kind="unknown-parameter",
        invalid_parameters=[{"field": shown, "rule": "is not known here"}],
    )
