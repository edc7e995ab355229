"""The page of expectations, for those who are signed in to the dashboards.

Belongs here: its address. What it shows is in `serving.dashboards.expectations_page`.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from serving.dashboards import rendering
from serving.dashboards.expectations_page import ROWS_SHOWN, make_page
from serving.dashboards.sessions import Sessions
from serving.problems import RETRY_AFTER_SECONDS
from serving.queries.warehouse import Warehouse, of_application
from serving.routers.dashboards import (
    EXPECTATIONS,
    ask_to_sign_in,
    away,
    html_page,
    is_signed_in,
    sessions,
)
from stores.errors import StoreUnavailable, TransientError

router = APIRouter(tags=["dashboards"])


@router.get(EXPECTATIONS, include_in_schema=False)
async def expectations(
    request: Request,
    asked: Annotated[Warehouse, Depends(of_application)],
    known: Annotated[Sessions, Depends(sessions)],
) -> Response:
    """What must hold of landed data, whether it does, and which rows are kept out of the models."""
    try:
        if not await is_signed_in(request, known):
            return ask_to_sign_in(request)
    except StoreUnavailable:
        return away("Your sign-in cannot be checked: Redis does not answer.")
    suite = request.query_params.get("suite", "")[:100]
    try:
        answers = await asked.ask("expectations/newest")
        looks = await asked.ask("expectations/looks")
        counts = await asked.ask("expectations/quarantine_counts")
        kept = await asked.ask("expectations/quarantine", suite=suite, limit=ROWS_SHOWN)
    except TransientError:
        answer = away("Expectations cannot be read: ClickHouse does not answer.")
        answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return answer
    page = make_page(
        suite, answers=answers, looks=looks, counts=counts, kept=kept, now=datetime.now(UTC)
    )
    return html_page(rendering.render("expectations.html", page=page))
