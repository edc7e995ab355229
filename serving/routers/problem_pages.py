"""`/problems/…`: what each `type` of a problem document leads to.

Belongs here: the pages. The kinds are in `serving.problem_kinds`.
"""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from serving.problem_kinds import KINDS
from serving.problems import Problem

# Styles stand in the page; nothing is loaded and nothing runs.
PAGE_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

router = APIRouter(include_in_schema=False)
_pages = Environment(
    loader=PackageLoader("serving.routers", "templates"), autoescape=select_autoescape()
)


@router.get("/problems", response_class=HTMLResponse)
async def problems() -> HTMLResponse:
    """Every kind."""
    kinds = sorted(KINDS.values(), key=lambda kind: (kind.status, kind.slug))
    page = _pages.get_template("problems.html").render(kinds=kinds, title="Problems of the API")
    return HTMLResponse(page, headers=PAGE_POLICY)


@router.get("/problems/{slug}", response_class=HTMLResponse)
async def problem(slug: str) -> HTMLResponse:
    """One kind."""
    kind = KINDS.get(slug)
    if kind is None:
        raise Problem(404, "There is no such kind of problem; /problems lists all.")
    page = _pages.get_template("problems.html").render(kinds=[kind], title=kind.title)
    return HTMLResponse(page, headers=PAGE_POLICY)
