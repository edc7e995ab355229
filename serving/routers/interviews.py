"""Interviews: one with its questions, one by its public link, and those of a customer.

Belongs here: addresses and status codes. The cache is in `serving.interviews`.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from serving import conditional, paging
from serving.database import of_application as postgres_of_application
from serving.interview_documents import Interview, PublicInterview, read_public
from serving.interviews import Interviews, of_application
from serving.paging import Moment
from serving.principals import Principal, ensure_tenant, not_found
from serving.problems import Problem, documented
from serving.public_callers import limit_public
from serving.read_models import ask_postgres
from serving.security import require_scope
from stores.postgres.pool import AsyncPool

# How long a candidate's browser may show it without asking again.
PUBLIC_CACHE = "public, max-age=30"
_reader = require_scope("interviews:read")
Reader = Annotated[Principal, Depends(_reader)]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "`If-None-Match` names what the client has; there is no body"}
}

router = APIRouter(prefix="/v1", tags=["interviews"])


class InterviewOverview(BaseModel):
    """An interview and how far its candidates have come."""

    interview_id: UUID
    title: str
    interview_status: str | None
    question_count: int
    session_count: int = Field(description="How many candidates began it.")
    completed_session_count: int = Field(description="How many finished it.")
    response_count: int = Field(description="How many answers were recorded.")
    last_started_at: Moment | None = Field(description="When a candidate last began it.")
    created_at: Moment | None


class InterviewOverviews(BaseModel):
    """A part of a customer's interviews, the newest first."""

    interviews: list[InterviewOverview]
    next_cursor: str | None = Field(description="Null at the end.")


@router.get(
    "/interviews/{interview_id}",
    summary="Read an interview with its questions",
    response_model=Interview,
    responses=documented(401, 403, 404, 422, 429, 503) | NOT_MODIFIED,
)
async def read_interview(
    request: Request,
    response: Response,
    reader: Reader,
    known: Annotated[Interviews, Depends(of_application)],
    interview_id: Annotated[UUID, Path(description="The interview's id.")],
) -> Response:
    """From the cache, which holds no change longer than a second after it was committed.

    Needs the scope `interviews:read`. Ask again with `If-None-Match`.
    """
    body = await known.read(interview_id)
    if body is None:
        raise not_found("interview")
    ensure_tenant(reader, UUID(orjson.loads(body)["user_id"]), "interview")
    return conditional.answer(request, body, headers=dict(response.headers))


@router.get(
    "/public/interviews/{token}",
    summary="Read what a candidate may see of an interview",
    response_model=PublicInterview,
    dependencies=[Depends(limit_public)],
    responses=documented(404, 410, 422, 429, 503) | NOT_MODIFIED,
)
async def read_public_interview(
    request: Request,
    response: Response,
    pool: Annotated[AsyncPool, Depends(postgres_of_application)],
    token: Annotated[UUID, Path(description="The token of the public link.")],
) -> Response:
    """Needs no credentials. 410 once the interview is closed or its link has expired."""
    found = await read_public(pool, token)
    if found is None:
        raise not_found("interview")
    if found["is_expired"] or found["status"] != "active":
        raise Problem(410, "This interview has ended; ask whoever invited you.")
    body = PublicInterview(**found).model_dump_json().encode()
    return conditional.answer(request, body, PUBLIC_CACHE, dict(response.headers))


@router.get(
    "/users/{user_id}/interviews",
    summary="List a customer's interviews with how far candidates have come",
    responses=documented(
        401, 403, 404, "invalid-parameter", "unknown-parameter", "invalid-cursor", 429
    )
    | documented("store-unavailable", "not-built-yet"),
)
async def list_interviews(
    *,
    request: Request,
    reader: Reader,
    pool: Annotated[AsyncPool, Depends(postgres_of_application)],
    user_id: Annotated[UUID, Path(description="The customer.")],
    status: Annotated[
        str | None, Query(max_length=20, description="In this state.", examples=["active"])
    ] = None,
    created_from: Annotated[
        paging.MomentGiven | None,
        Query(alias="created_at.gte", description="Created then or later."),
    ] = None,
    created_until: Annotated[
        paging.MomentGiven | None, Query(alias="created_at.lt", description="Created before.")
    ] = None,
    sessions_from: Annotated[
        int | None, Query(alias="session_count.gte", ge=0, le=2**31, description="Begun as often.")
    ] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> InterviewOverviews:
    """The newest first. Interviews that are made meanwhile do not move the parts that follow."""
    ensure_tenant(reader, user_id, "user")
    place = paging.place_of(request, reader.id, cursor, {"created_at": datetime, "id": str})
    rows = await ask_postgres(
        pool,
        "interviews_of_user",
        user_id=user_id,
        status=status,
        created_from=created_from,
        created_until=created_until,
        sessions_from=sessions_from,
        after_created_at=place["created_at"],
        after_id=place["id"],
        row_limit=limit + 1,
    )
    if not rows and cursor is None and not await _is_user(pool, user_id):
        raise not_found("user")
    shown = rows[:limit]
    return InterviewOverviews(
        interviews=[InterviewOverview(**row) for row in shown],
        next_cursor=paging.next_cursor(
            request,
            reader.id,
            {"created_at": shown[-1]["sorted_at"], "id": str(shown[-1]["interview_id"])},
        )
        if len(rows) > limit
        else None,
    )


async def _is_user(pool: AsyncPool, user_id: UUID) -> bool:
    return bool(await ask_postgres(pool, "user_known", user_id=user_id))
