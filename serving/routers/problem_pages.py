"""`/problems/…`: what each `type` of a problem document leads to.

Belongs here: the pages. The kinds are in `serving.problem_kinds`.
"""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from serving.problem_kinds import KINDS
from serving.problems import Problem
from serving.routers.plain_pages import PAGE_POLICY, PAGES

router = APIRouter(include_in_schema=False)


@router.get("/problems", response_class=HTMLResponse)
async def problems() -> HTMLResponse:
    """Every kind."""
    kinds = sorted(KINDS.values(), key=lambda kind: (kind.status, kind.slug))
    page = PAGES.get_template("problems.html").render(kinds=kinds, title="Problems of the API")
    return HTMLResponse(page, headers=PAGE_POLICY)


@router.get("/problems/{slug}", response_class=HTMLResponse)
async def problem(slug: str) -> HTMLResponse:
    """One kind."""
    kind = KINDS.get(slug)
    if kind is None:
        raise Problem(404, "There is no such kind of problem; /problems lists all.")
    page = PAGES.get_template("problems.html").render(kinds=[kind], title=kind.title)
    return HTMLResponse(page, headers=PAGE_POLICY)
