"""The page of dead letters, for those who are signed in to the dashboards.

Belongs here: its address. What it shows is in `serving.dashboards.dead_letters_page`.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from serving.dashboards import dead_letters_page, rendering
from serving.dashboards.sessions import Sessions
from serving.problems import RETRY_AFTER_SECONDS
from serving.queries.warehouse import Warehouse, of_application
from serving.routers.dashboards import (
    DEAD_LETTERS,
    ask_to_sign_in,
    away,
    html_page,
    is_signed_in,
    sessions,
)
from stores.errors import StoreUnavailable, TransientError
from stores.settings import load_settings

router = APIRouter(tags=["dashboards"])


@router.get(DEAD_LETTERS, include_in_schema=False)
async def dead_letters(
    request: Request,
    asked: Annotated[Warehouse, Depends(of_application)],
    known: Annotated[Sessions, Depends(sessions)],
) -> Response:
    """Which events were not taken, and why. Bodies are shown as text, never as a page of theirs."""
    try:
        if not await is_signed_in(request, known):
            return ask_to_sign_in(request)
    except StoreUnavailable:
        return away("Your sign-in cannot be checked: Redis does not answer.")
    wanted = dead_letters_page.parse(request.query_params)
    try:
        rows = await asked.ask("whereabouts/dead_letters", **wanted.parameters())
        counts = await asked.ask("whereabouts/dead_letter_counts")
    except TransientError:
        answer = away("Dead letters cannot be read: ClickHouse does not answer.")
        answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return answer
    hours = load_settings().dead_letter_alert_hours
    page = dead_letters_page.make_page(wanted, rows, counts, hours, datetime.now(UTC))
    html = rendering.render("dead_letters.html", page=page, states=dead_letters_page.STATES)
    return html_page(html)
