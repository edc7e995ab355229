"""The dashboards over HTTP: pages, downloads, sign-in.

Belongs here: addresses, cookies, headers and status codes. What a page shows is in
`serving/dashboards`.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from serving.dashboards import export, filters, rendering
from serving.dashboards.answers import ask_all
from serving.dashboards.sessions import (
    LINK_SECONDS,
    SCOPE,
    SESSION_SECONDS,
    Sessions,
    may_open,
)
from serving.dashboards.usage_page import UsagePage
from serving.problems import RETRY_AFTER_SECONDS, Problem, documented, unavailable
from serving.queries.warehouse import Warehouse, close_of_application, of_application
from serving.security import Principal, require_scope
from stores.errors import InputInvalid, StoreUnavailable
from stores.redis_store import tokens

log = logging.getLogger(__name__)

COOKIE = "interview_data_session"
HOME = "/dashboards/usage"
LOGIN = "/dashboards/login"
DEAD_LETTERS = "/dashboards/dead-letters"
EXPECTATIONS = "/dashboards/expectations"

# Nothing but our own files, nothing inline, nobody's frame.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Close what the first requests opened."""
    yield
    await to_thread.run_sync(close_of_application, app)


router = APIRouter(prefix="/dashboards", tags=["dashboards"], lifespan=lifespan)


class LoginLink(BaseModel):
    """A link that signs a browser in, once."""

    url: str = Field(examples=["http://127.0.0.1:8000/dashboards/login?token=…"])
    expires_in_seconds: int = Field(examples=[LINK_SECONDS])


async def sessions(request: Request) -> Sessions:
    """The application's sessions."""
    state = request.app.state
    if not hasattr(state, "dashboard_sessions"):
        state.dashboard_sessions = Sessions(tokens.dashboard_sessions(), tokens.temporary_tokens())
    return state.dashboard_sessions  # type: ignore[no-any-return]


async def is_signed_in(request: Request, known: Annotated[Sessions, Depends(sessions)]) -> bool:
    """Whether the cookie's session is open. Raises StoreUnavailable."""
    token = request.cookies.get(COOKIE)
    return bool(token) and await to_thread.run_sync(known.is_open, str(token))


SignedIn = Annotated[bool, Depends(is_signed_in)]


def html_page(html: str, status: int = 200, **headers: str) -> HTMLResponse:
    return HTMLResponse(html, status, HEADERS | headers)


def message(status: int, title: str, *lines: str, **values: Any) -> HTMLResponse:
    defaults: dict[str, Any] = {"problems": [], "link_url": "", "link_text": "", "refresh_url": ""}
    html = rendering.render("message.html", title=title, lines=lines, **(defaults | values))
    return html_page(html, status)


def _sign_in_page(status: int = 200, problem: str = "", target: str = HOME) -> HTMLResponse:
    hours = SESSION_SECONDS // 3600
    html = rendering.render(
        "login.html", problem=problem, action=LOGIN, next=target, session_hours=hours
    )
    return html_page(html, status)


def _own_address(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _safe_target(target: str) -> str:
    """Where to go after signing in: a page of ours, whatever the form says."""
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or parts.path not in (HOME, DEAD_LETTERS, EXPECTATIONS):
        return HOME
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _is_foreign(request: Request) -> bool:
    """Whether another site's page made the browser send this."""
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def ask_to_sign_in(request: Request) -> Response:
    if _is_foreign(request):
        # A strict cookie is not sent along a link from another site; the browser sends it
        # when our own page asks for the same address again.
        address = _own_address(request)
        return message(
            200, "Opening the dashboard", link_url=address, link_text="Open", refresh_url=address
        )
    return RedirectResponse(f"{LOGIN}?{urlencode({'next': _own_address(request)})}", 303, HEADERS)


def _signed_in(request: Request, token: str, target: str) -> Response:
    answer = RedirectResponse(target, 303, HEADERS)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_SECONDS,
        path="/dashboards",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


def away(detail: str) -> Response:
    answer = message(503, "Not available right now", detail, link_url=HOME, link_text="Try again")
    answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


async def _read_filters(request: Request, leave_out: tuple[str, ...] = ()) -> filters.Filters:
    given = request.query_params.multi_items()
    repeated = {name for name, _ in given if [n for n, _ in given].count(name) > 1}
    if repeated:
        raise filters.FiltersInvalid(
            [InputInvalid(name, "may be given once") for name in sorted(repeated)]
        )
    wanted = {name: value for name, value in given if name not in leave_out}
    return filters.parse(wanted, datetime.now(UTC).date())


@router.get("", include_in_schema=False)
async def index() -> Response:
    """There is one dashboard so far."""
    return RedirectResponse(HOME, 307, HEADERS)


@router.get("/usage", include_in_schema=False)
async def usage_page(
    request: Request,
    asked: Annotated[Warehouse, Depends(of_application)],
    known: Annotated[Sessions, Depends(sessions)],
) -> Response:
    """The usage page."""
    try:
        if not await is_signed_in(request, known):
            return ask_to_sign_in(request)
    except StoreUnavailable:
        return away("Your sign-in cannot be checked: Redis does not answer.")
    try:
        wanted = await _read_filters(request)
    except filters.FiltersInvalid as error:
        return message(
            422,
            "This address asks for something that is not there",
            problems=error.problems,
            link_url=HOME,
            link_text="Show the last 28 days",
        )
    page = UsagePage(await ask_all(asked, wanted, datetime.now(UTC)))
    if page.has_failed:
        retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return html_page(rendering.render_usage(page), 503, **retry)
    return html_page(rendering.render_usage(page))


@router.get("/usage.csv", include_in_schema=False)
async def usage_csv(
    request: Request,
    asked: Annotated[Warehouse, Depends(of_application)],
    known: Annotated[Sessions, Depends(sessions)],
) -> Response:
    """One panel as CSV, exactly what the page shows for the same filters."""
    if not await is_signed_in(request, known):
        return ask_to_sign_in(request)
    panel = request.query_params.get("panel", "")
    if panel not in export.PANELS:
        rule = f"must be one of {', '.join(export.PANELS)}"
        broken = [{"field": "panel", "rule": rule}]
        raise Problem(422, f"panel: {rule}", HEADERS, invalid_parameters=broken)
    try:
        wanted = await _read_filters(request, leave_out=("panel",))
    except filters.FiltersInvalid as error:
        raise _broken(error) from None
    page = UsagePage(await ask_all(asked, wanted, datetime.now(UTC)))
    state, header, rows = export.PANELS[panel](page)
    if state == "failed":
        raise unavailable("ClickHouse does not answer; an empty file would say zero.")
    name = f"usage-{panel.replace('_', '-')}-{wanted.span.first}-{wanted.span.last}.csv"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    text = export.csv_text(header, rows)
    return Response(text, 200, HEADERS | disposition, "text/csv; charset=utf-8")


def _broken(error: filters.FiltersInvalid) -> Problem:
    broken = [{"field": problem.field, "rule": problem.rule} for problem in error.problems]
    detail = "; ".join(str(problem) for problem in error.problems)
    return Problem(422, detail, HEADERS, invalid_parameters=broken)


@router.get("/login", include_in_schema=False)
async def sign_in_page(
    request: Request,
    known: Annotated[Sessions, Depends(sessions)],
    token: str = "",
    next: str = HOME,  # noqa: A002  the parameter's name in the address
) -> Response:
    """The form; or, with a link's token, the session that it opens."""
    target = _safe_target(next)
    try:
        # A link is spent even where it is not needed: its token stands in the server's log.
        opened = await to_thread.run_sync(known.open_by_link, token) if token else None
        if opened is None and await is_signed_in(request, known):
            return RedirectResponse(target, 303, HEADERS)
    except StoreUnavailable:
        return away("Nobody can be signed in: Redis or PostgreSQL does not answer.")
    if not token:
        return _sign_in_page(target=target)
    if opened is None:
        problem = "This link was used already or is older than a day. Make a new one."
        return _sign_in_page(401, problem, target)
    return _signed_in(request, opened, target)


@router.post("/login", include_in_schema=False)
async def sign_in(
    request: Request,
    known: Annotated[Sessions, Depends(sessions)],
    api_key: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = HOME,  # noqa: A002  the field's name in the form
) -> Response:
    """Open a session for whoever sends a key that may read usage."""
    target = _safe_target(next)
    if _is_foreign(request):
        return message(
            403, "This form was sent by another site", link_url=LOGIN, link_text="Sign in"
        )
    try:
        found: Principal | None = await request.app.state.keyring.check(api_key.strip())
        if found is None:
            return _sign_in_page(401, "This key is unknown, expired or revoked.", target)
        if SCOPE not in found.scopes:
            return _sign_in_page(403, f"This key lacks the scope {SCOPE}.", target)
        if not may_open(found):
            return _sign_in_page(403, "This key is a customer's; the pages show all.", target)
        token = await to_thread.run_sync(known.open, found)
    except StoreUnavailable:
        return away("Nobody can be signed in: Redis or PostgreSQL does not answer.")
    return _signed_in(request, token, target)


@router.post("/logout", include_in_schema=False)
async def sign_out(request: Request, known: Annotated[Sessions, Depends(sessions)]) -> Response:
    """End the session."""
    if _is_foreign(request):
        return message(403, "This form was sent by another site", link_url=HOME, link_text="Back")
    token = request.cookies.get(COOKIE)
    if token:
        try:
            await to_thread.run_sync(known.close, token)
        except StoreUnavailable:
            return away("The session cannot be ended: Redis does not answer.")
    answer = RedirectResponse(LOGIN, 303, HEADERS)
    answer.delete_cookie(COOKIE, path="/dashboards", httponly=True, samesite="strict")
    return answer


@router.post(
    "/login-links",
    status_code=201,
    summary="Make a link that signs a browser in",
    responses=documented(401, 403, 503),
)
async def make_login_link(
    request: Request,
    response: Response,
    key: Annotated[Principal, Depends(require_scope(SCOPE))],
    known: Annotated[Sessions, Depends(sessions)],
) -> LoginLink:
    """The link works once, within a day, and opens a session with the rights of this key."""
    if not may_open(key):
        raise Problem(403, "The dashboards show every customer; ask with a key of the platform.")
    token = await to_thread.run_sync(known.make_link_token, key)
    response.headers["Cache-Control"] = "no-store"
    url = f"{request.url.replace(path=LOGIN, query=urlencode({'token': token}))}"
    return LoginLink(url=url, expires_in_seconds=LINK_SECONDS)


@router.get("/static/{name}", include_in_schema=False)
async def static(name: str) -> Response:
    """Style, script and icon; their addresses change with their content."""
    found = rendering.static_file(name)
    if found is None:
        raise Problem(404, f"There is no file {name}.")
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found[0], 200, HEADERS | kept, found[1])
